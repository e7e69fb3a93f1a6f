# Mail::Send of libmailtools; it calls sendmail with -t and no -i.
use strict;
use warnings;
use Mail::Send;

my $message = Mail::Send->new(Subject => $ARGV[0], To => 'bruno@example.org');
$message->cc('carla@example.com');
$message->bcc('hidden@example.org');
my $handle = $message->open('sendmail');
print $handle "A line.\n.\n..two dots\nThe end.\n";
$handle->close or die 'not sent';
