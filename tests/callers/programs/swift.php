<?php
// Swift Mailer: swift.php COMMAND MARK NUMBER
require '/usr/share/php/Egulias/EmailValidator/autoload.php';
require '/usr/share/php/Swift/swift_required.php';

[, $command, $mark, $number] = $argv;
$mailer = new Swift_Mailer(new Swift_SendmailTransport($command));
for ($i = 1; $i <= $number; $i++) {
    $message = (new Swift_Message("$mark-$i"))
        ->setFrom(['anna@example.it' => 'Anna Rossi'])
        ->setTo(['bruno@example.org'])->setCc(['carla@example.com'])->setBcc(['hidden@example.org'])
        ->setBody("A line.\n.\n..two dots\nThe end.");
    if ($mailer->send($message) !== 3) {
        exit(1);
    }
}
