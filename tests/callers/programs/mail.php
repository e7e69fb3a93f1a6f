<?php
// PHP's own mail(), called as sites call it. Each case has its mark in the body, which the test looks for.
$body = "A line.\n.\n..two dots\ncaffè\n";

function large(): array {
    $data = str_repeat("orsino\0\r\n\xff", 5 * 1024 * 1024 / 10);
    $text = "--part\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--part\r\n"
        . "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        . chunk_split(base64_encode($data)) . "--part--\r\n";
    return ["anna@example.org", "php-large", $text,
        ["From" => "anna@example.it", "MIME-Version" => "1.0", "Content-Type" => "multipart/mixed; boundary=part"],
        "-fanna@example.it"];
}

$cases = [
    "plain" => ["anna@example.org", "php-plain", $body],
    "sender" => ["Bruno <bruno@example.org>, carla@example.com", "php-sender", $body,
        "From: Shop <shop@example.it>\r\nCc: dora@example.org\r\nBcc: hidden@example.org\r\nReply-To: buyer@example.net",
        "-fanna@example.it"],
    "lf" => ["anna@example.org", "php-lf", $body, "From: anna@example.it\nX-One: 1\nCc: dora@example.org\nX-Two: 2\n"],
    "utf8" => ["anna@example.org", "php-utf8 Grüße – caffè", $body,
        "From: Müller <anna@example.it>\r\nContent-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0"],
    "large" => large(),
    "later" => ["anna@example.org", "php-later", $body, "From: dario@example.it"],
    "background" => ["anna@example.org", "php-background", $body],
];
exit(mail(...$cases[$argv[1]]) ? 0 : 1);
