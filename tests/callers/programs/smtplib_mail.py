"""smtplib to the relay: smtplib_mail.py PORT MARK sends two messages in one session."""

import smtplib
import sys
from email.message import EmailMessage

port, mark = sys.argv[1:]
with smtplib.SMTP("localhost", int(port)) as server:
    for number in (1, 2):
        message = EmailMessage()
        message["Subject"] = f"{mark}-{number}"
        message["From"] = "Anna Rossi <anna@example.it>"
        message["To"] = "bruno@example.org"
        message["Cc"] = "carla@example.com"
        message["Bcc"] = "hidden@example.org"
        message.set_content("A line.\n.\n..two dots\nThe end.\n")
        server.send_message(message)
