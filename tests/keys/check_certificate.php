<?php
// Prints how PHP, and so every Moodle, sees the certificate on its standard input.
$text = stream_get_contents(STDIN);
$parsed = openssl_x509_parse($text);
$subject = is_array($parsed) ? $parsed['subject'] : [];
$lines = explode("\n", $text);
$body = array_slice($lines, 1, -2);
$last = array_pop($body);
$key = openssl_pkey_get_details(openssl_pkey_get_public($text));
echo json_encode([
    'common_name' => $subject['CN'] ?? null,
    'alternative_name' => $subject['subjectAltName'] ?? null,
    'serial' => $parsed['serialNumberHex'] ?? null,
    'begins_unix_s' => $parsed['validFrom_time_t'] ?? null,
    'ends_unix_s' => $parsed['validTo_time_t'] ?? null,
    'hash' => $parsed['signatureTypeSN'] ?? null,
    'is_rsa' => ($key['type'] ?? null) === OPENSSL_KEYTYPE_RSA,
    'bits' => $key['bits'] ?? null,
    // Every line of the body has 64 characters, the last one at most.
    'columns' => array_values(array_unique(array_map('strlen', $body))),
    'last_column' => strlen($last),
    'ends_in_one_newline' => end($lines) === '' && trim($text) . "\n" === $text,
    'has_cr' => str_contains($text, "\r"),
]), "\n";
