<?php
// Symfony Mailer: symfony.php DSN MARK NUMBER sends so many messages.
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
use Symfony\Component\Mailer\{Mailer, Transport};
use Symfony\Component\Mime\{Address, Email};

[, $dsn, $mark, $number] = $argv;
$mailer = new Mailer(Transport::fromDsn($dsn));
for ($i = 1; $i <= $number; $i++) {
    $message = (new Email())
        ->from(new Address('anna@example.it', 'Anna Rossi'))
        ->to('bruno@example.org')->cc('carla@example.com')->bcc('hidden@example.org')
        ->subject("$mark-$i")
        ->text("A line.\n.\n..two dots\nThe end.");
    $mailer->send($message);
}
