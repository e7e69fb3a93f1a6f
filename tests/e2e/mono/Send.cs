// Sends messages as a .NET program does, with System.Net.Mail.SmtpClient and nothing else.
//
//     mono Send.exe HOST PORT starttls|plain CERTIFICATE TIMEOUT COUNT [USER PASSWORD]
//
// CERTIFICATE is the SHA-256 of the server's own certificate in hexadecimal: any other one is refused. TIMEOUT is in
// milliseconds. All COUNT messages go through one client. Prints "sent NUMBER" after each, or exceptions and exits 1.
using System;
using System.IO;
using System.Net;
using System.Net.Mail;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading;

static class Send
{
    static MailMessage Make(int number)
    {
        var message = new MailMessage
        {
            From = new MailAddress("info@example.it", "Caffè Orsino", Encoding.UTF8),
            Subject = "Perché no? № " + number,
            SubjectEncoding = Encoding.UTF8,
            Body = "Già fatto.\r\n.\r\n.. dots\r\nFrom here on\r\n",
            BodyEncoding = new UTF8Encoding(false), // Encoding.UTF8 puts a byte order mark in front
        };
        message.To.Add("anna@example.org");
        message.To.Add(new MailAddress("bob@example.org", "Bob, the other"));
        message.Bcc.Add("carla@example.org");
        var bytes = new byte[100000];
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)(i * 31 + i / 256);
        message.Attachments.Add(new Attachment(new MemoryStream(bytes), "data.bin", "application/octet-stream"));
        return message;
    }

    static string Sha256(X509Certificate certificate)
    {
        using (var hash = SHA256.Create())
        {
            var bytes = hash.ComputeHash(certificate.GetRawCertData());
            return BitConverter.ToString(bytes).Replace("-", "").ToLowerInvariant();
        }
    }

    static bool SendAll(SmtpClient client, int count)
    {
        try
        {
            for (int number = 1; number <= count; number++)
            {
                client.Send(Make(number));
                Console.WriteLine("sent " + number);
            }
            return true;
        }
        catch (SmtpFailedRecipientsException error)
        {
            Console.WriteLine(error.GetType().Name + ": " + error.Message);
            foreach (var inner in error.InnerExceptions)
                Console.WriteLine(inner.FailedRecipient + " " + (int)inner.StatusCode);
            return false;
        }
        catch (Exception error)
        {
            for (; error != null; error = error.InnerException)
                Console.WriteLine(error.GetType().Name + ": " + error.Message);
            return false;
        }
    }

    static void Main(string[] words)
    {
        int timeout = int.Parse(words[4]);
        bool sent = false;
        var client = new SmtpClient(words[0], int.Parse(words[1])) { Timeout = timeout };

        client.EnableSsl = words[2] == "starttls";
        ServicePointManager.ServerCertificateValidationCallback =
            (sender, certificate, chain, errors) => Sha256(certificate) == words[3];
        if (words.Length > 7)
            client.Credentials = new NetworkCredential(words[6], words[7]);
        // Mono waits for the greeting without a look at Timeout.
        var thread = new Thread(() => sent = SendAll(client, int.Parse(words[5]))) { IsBackground = true };
        thread.Start();
        if (!thread.Join(timeout))
            Console.WriteLine("TimeoutException: no end after " + timeout + " ms");
        Environment.Exit(sent ? 0 : 1);
    }
}
