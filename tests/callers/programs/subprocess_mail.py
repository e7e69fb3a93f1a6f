"""What Python's documentation of email and many scripts do: an EmailMessage into `sendmail -t -oi`."""

import subprocess
import sys
from email.message import EmailMessage

message = EmailMessage()
message["Subject"] = sys.argv[1] + " caffè"
message["From"] = "Anna Rossi <anna@example.it>"
message["To"] = "bruno@example.org"
message["Cc"] = "carla@example.com"
message["Bcc"] = "hidden@example.org"
message.set_content("A line.\n.\n..two dots\nThe end.\n")
subprocess.run(["/usr/sbin/sendmail", "-t", "-oi"], input=message.as_bytes(), check=True)
