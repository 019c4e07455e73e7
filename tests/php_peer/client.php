<?php
// Command line: one JSON array [operation, arguments...] a line on stdin, one JSON answer each.

require __DIR__ . '/peer.php';
$folder = getenv('PHP_PEER_STATE');
while (($line = fgets(STDIN)) !== false) {
    $words = json_decode($line, true);
    $operation = array_shift($words);
    $peer = new Peer($folder);
    try {
        $value = match ($operation) {
            'init' => $peer->init(...$words),
            'rotate' => $peer->rotate(...$words),
            'add' => $peer->add(...$words),
            'call' => $peer->call(...$words),
            'post' => $peer->post($words[0], file_get_contents($words[1])),
            'set' => (function () use ($peer, $words) {
                $peer->state[$words[0]] = $words[1];
                $peer->save();
            })(),
            'fingerprint' => openssl_x509_fingerprint($peer->state['keys'][0]['certificate'], 'sha256'),
            'open' => (function () use ($words) {
                [$text] = open_message(base64_decode($words[0]), [$words[1]]);
                $signed = read_signed($text);
                return ['payload' => base64_encode($signed['payload']), 'verified' => verifies($signed, $words[2]),
                    'timestamp' => $signed['timestamp'], 'wwwroot' => $signed['wwwroot']];
            })(),
            'seal' => base64_encode(seal_message(
                sign_message(base64_decode($words[0]), $words[1], $words[3]), $words[2], $words[3])),
            'decode_answer' => decode_answer($words[0], base64_decode($words[1])),
            'decode_call' => decode_call($words[0], base64_decode($words[1])),
            'encode_answer' => base64_encode(encode_answer(...$words)),
            'encode_call' => base64_encode(encode_call(...$words)),
            'check_certificate' => ['clean' => is_clean_pem($words[0]), 'cn' => openssl_x509_parse($words[0])['subject']['CN'],
                'until' => openssl_x509_parse($words[0])['validTo_time_t']],
        };
        $answer = ['ok' => true, 'value' => $value];
    } catch (PeerFault $fault) {
        $answer = ['ok' => false, 'code' => $fault->getCode(), 'message' => $fault->getMessage()];
    }
    // A string that is no UTF-8 is somebody's mangled accent: shown as such, never lost.
    $json = json_encode($answer, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_UNICODE);
    fwrite(STDOUT, $json . "\n");
}
