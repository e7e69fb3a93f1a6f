<?php
// PEAR's Mail with the factory that most old applications use.
error_reporting(E_ALL & ~E_DEPRECATED & ~E_STRICT);
require 'Mail.php';

$mail = Mail::factory('sendmail', ['sendmail_path' => '/usr/sbin/sendmail']);
$headers = ['From' => 'Anna Rossi <anna@example.it>', 'To' => 'bruno@example.org', 'Subject' => $argv[1]];
$result = $mail->send('bruno@example.org, carla@example.com', $headers, "A line.\n.\n..two dots\nThe end.\n");
exit($result === true ? 0 : 1);
