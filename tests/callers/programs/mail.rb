# Ruby's mail with the delivery method that ActionMailer has for sendmail.
require 'mail'

Mail.defaults { delivery_method :sendmail }
Mail.deliver do
  from 'Anna Rossi <anna@example.it>'
  to 'bruno@example.org'
  cc 'carla@example.com'
  bcc 'hidden@example.org'
  subject "#{ARGV[0]} caffè"
  body "A line.\n.\n..two dots\nThe end.\n"
end
