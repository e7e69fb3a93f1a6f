# Email::Sender: email_sender.pl FROM MARK; an empty FROM is the null sender.
use strict;
use warnings;
use Email::Sender::Simple qw(sendmail);
use Email::Sender::Transport::Sendmail;

my ($from, $mark) = @ARGV;
my $message = "From: Anna Rossi <anna\@example.it>\nTo: bruno\@example.org\nSubject: $mark\n\n"
    . "A line.\n.\n..two dots\nThe end.\n";
sendmail($message, {
    from => $from,
    to => ['bruno@example.org', 'hidden@example.org'],
    transport => Email::Sender::Transport::Sendmail->new,
});
