<?php
// PHPMailer: phpmailer.php isMail|isSendmail MARK
require '/usr/share/php/libphp-phpmailer/autoload.php';
use PHPMailer\PHPMailer\PHPMailer;

[, $way, $mark] = $argv;
$mail = new PHPMailer(true);
$mail->$way();
$mail->CharSet = 'UTF-8';
$mail->setFrom('anna@example.it', 'Anna Rossi');
$mail->addAddress('bruno@example.org');
$mail->addCC('carla@example.com');
$mail->addBCC('hidden@example.org');
$mail->Subject = "$mark caffè";
$mail->Body = "A line.\n.\n..two dots\nThe end.\n";
$mail->send();
