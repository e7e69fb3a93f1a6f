# MIME::Lite with an attachment and its own sendmail call.
use strict;
use warnings;
use MIME::Lite;

my $message = MIME::Lite->new(
    From => 'Anna Rossi <anna@example.it>', To => 'bruno@example.org', Cc => 'carla@example.com',
    Bcc => 'hidden@example.org', Subject => $ARGV[0], Type => 'multipart/mixed');
$message->attach(Type => 'TEXT', Data => "A line.\n.\n..two dots\nThe end.\n");
$message->attach(Type => 'application/octet-stream', Encoding => 'base64', Filename => 'a.bin', Data => join '', map chr, 0 .. 255);
$message->send('sendmail', FromSender => 'anna@example.it') or die 'not sent';
