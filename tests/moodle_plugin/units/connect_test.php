<?php
// Connect's own decisions: addresses, fingerprints, boxes, and what a failed call means. No database.

use local_schooltool\local\connect\address;
use local_schooltool\local\connect\answer;
use local_schooltool\local\connect\cipher;
use local_schooltool\local\words;

function certificate_for(string $name): string {
    $key = openssl_pkey_new(['private_key_bits' => 2048]);
    $request = openssl_csr_new(['commonName' => $name], $key, ['digest_alg' => 'sha256']);
    openssl_x509_export(openssl_csr_sign($request, null, $key, 1, ['digest_alg' => 'sha256']), $pem);
    return $pem;
}

function test_an_address_is_taken_as_people_type_it() {
    same('https://sis.example.org', address::normalised(' SIS.example.org/ '));
    same('http://sis.example.org:8900', address::normalised('http://Sis.Example.org:8900/'));
    same('https://example.org/Sis', address::normalised('https://example.org/Sis///'));
    $wrong = ['', ' ', 'ftp://a.example', 'https://u:p@a.example', 'https://a.example/?x=1', 'https://a.example/#b',
        "https://a.example/\n", 'javascript:alert(1)', 'https://a b', '<b>', 'https://' . str_repeat('a', 250)];
    foreach ($wrong as $text) {
        same($text === "https://a.example/\n" ? 'https://a.example' : '', address::normalised($text), $text);
    }
}

function test_a_fingerprint_is_the_certificates_sha256() {
    $pem = certificate_for('https://sis.example.org');
    $der = base64_decode(preg_replace('/-----[^-]+-----/', '', $pem));
    same(hash('sha256', $der), address::fingerprint($pem));
    same('', address::fingerprint(''));
    same('', address::fingerprint('nonsense'));
    same('ab12', address::plain(' AB:12 '));
    same('01:23:45:67:89:AB:CD:EF', address::grouped('0123456789abcdef'));
}

function test_a_certificate_is_for_one_address() {
    $long = 'https://' . str_repeat('a', 60) . '.example.org';
    foreach (['https://sis.example.org', substr($long, 0, 64)] as $name) {
        $pem = certificate_for($name);
        holds(address::is_for($pem, $name));
        holds(!address::is_for($pem, 'http://sis.example.org'));
    }
    holds(address::is_for($pem, $long));
    holds(!address::is_for('', $long) && !address::is_for('nonsense', $long));
}

function test_a_site_is_called_as_its_page_says() {
    same('Hill & Dale', address::site_name("<html><TITLE>\n Hill &amp;  Dale</TITLE>", 'https://a.example'));
    same('https://a.example', address::site_name('<title></title>', 'https://a.example'));
    same(80, mb_strlen(address::site_name('<title>' . str_repeat('ü', 200) . '</title>', '')));
}

function test_a_box_that_is_missing_over_there_is_named() {
    $both = ['schooltool' => ['publish' => true, 'subscribe' => true]];
    $row = ['name' => 'schooltool', 'apiversion' => 1];
    same([], answer::missing([$row + ['publish' => 1, 'subscribe' => 1]], $both));
    same(['schooltool: publish'], answer::missing([$row + ['publish' => 0, 'subscribe' => 1]], $both));
    same(['schooltool: publish', 'schooltool: subscribe'], answer::missing([], $both));
    same(['schooltool: publish', 'schooltool: subscribe'], answer::missing(['x', []], []));
    $one = ['schooltool' => ['publish' => false, 'subscribe' => true]];
    same([], answer::missing([$row + ['publish' => 1, 'subscribe' => 0]], $one));
}

function test_a_failed_call_is_said_in_words() {
    $cases = [
        ['8:CURL error: Failed to connect to a.example port 443', 'reply_unreachable'],
        ['28:Operation timed out after 1000 milliseconds', 'reply_unreachable'],
        ["5:Didn't receive 200 OK from remote server. (HTTP/1.1 502 Bad Gateway)", 'reply_http'],
        ['7:User with ID 2 attempted to call unauthorised method x on host y', 'reply_notsubscribed'],
        ['3:No key match', 'reply_nokey'],
        ['6:Time gap with X (99 seconds) is greater than the permitted maximum of 15 seconds', 'reply_clock'],
        ['Invalid signature', 'reply_signature'],
        ['7020 : unknown peer', 'reply_unknownhere'],
        ['707: no', 'reply_notpublished'],
        ["8503 : later\n", 'reply_later'],
        ['8403 : off', 'reply_off'],
        ['8400 : no such section', 'reply_refused'],
        ["4: remote server error: \ncode: 7020 message: unregistered", 'reply_unknownhere'],
        ['4: remote server error: of another kind', 'reply_plain'],
        ['what is this', 'reply_other'],
        ['', 'reply_other'],
    ];
    foreach ($cases as list($text, $key)) {
        same($key, words::key([$text])[0], $text);
    }
    same(['reply_http', '502'], words::key(["5:Didn't receive 200 OK from remote server. (HTTP/1.1 502 Bad Gateway)"]));
    same(['reply_refused', '8400: no such section'], words::key(['8400 : no such section']));
}

function test_the_lines_for_openssl_are_those_of_the_manual() {
    $manual = file_get_contents(dirname(PLUGINS) . '/manual/peers.md');
    holds(strpos($manual, "```\n" . cipher::LINES . "```") !== false);
}
