<?php
// The two wrappers, made and opened with PHP's own openssl, read as a Moodle reads them:
// by a SAX pass that folds names, where the last CIPHERVALUE is the key.

class PeerFault extends Exception {}

function sign_message(string $payload, string $key_pem, string $wwwroot, ?int $timestamp = null): string
{
    openssl_sign($payload, $signature, openssl_pkey_get_private($key_pem));
    $digest = sha1($payload);
    $signature = base64_encode($signature);
    $object = base64_encode($payload);
    $timestamp ??= time();
    return <<<XML
<?xml version="1.0" encoding="iso-8859-1"?>
    <signedMessage>
        <Signature Id="MoodleSignature" xmlns="http://www.w3.org/2000/09/xmldsig#">
            <SignedInfo>
                <CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>
                <SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#dsa-sha1"/>
                <Reference URI="#XMLRPC-MSG">
                    <DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>
                    <DigestValue>$digest</DigestValue>
                </Reference>
            </SignedInfo>
            <SignatureValue>$signature</SignatureValue>
            <KeyInfo>
                <RetrievalMethod URI="$wwwroot/mnet/publickey.php"/>
            </KeyInfo>
        </Signature>
        <object ID="XMLRPC-MSG">$object</object>
        <wwwroot>$wwwroot</wwwroot>
        <timestamp>$timestamp</timestamp>
    </signedMessage>
XML;
}

function seal_message(string $text, string $certificate_pem, string $wwwroot, string $extra = ''): string
{
    if (!openssl_seal($text, $sealed, $keys, [openssl_pkey_get_public($certificate_pem)], 'RC4')) {
        throw new PeerFault('cannot seal: ' . openssl_error_string(), -1);
    }
    $data = base64_encode($sealed);
    $key = base64_encode($keys[0]);
    return <<<XML
<?xml version="1.0" encoding="iso-8859-1"?>
    <encryptedMessage>
        <EncryptedData Id="ED" xmlns="http://www.w3.org/2001/04/xmlenc#">
            <EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#arcfour"/>
            <CipherData>
                <CipherValue>$data</CipherValue>
            </CipherData>
        </EncryptedData>
        <EncryptedKey Id="EK" xmlns="http://www.w3.org/2001/04/xmlenc#">
            <EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-1_5"/>
            <CipherData>
                <CipherValue>$key</CipherValue>
            </CipherData>
        </EncryptedKey>
        <wwwroot>$wwwroot</wwwroot>$extra
    </encryptedMessage>
XML;
}

/** Read a wrapper: folded element names to their text; every CIPHERVALUE in its order. */
function read_wrapper(string $xml): array
{
    $found = ['CIPHERVALUE' => []];
    $inside = '';
    $parser = xml_parser_create();
    xml_set_element_handler(
        $parser,
        function ($p, $name, $attributes) use (&$inside, &$found) {
            $inside = $name;
            if ($name === 'CIPHERVALUE') {
                $found[$name][] = '';
            }
        },
        function ($p, $name) use (&$inside) {
            $inside = '';
        }
    );
    xml_set_character_data_handler($parser, function ($p, $data) use (&$inside, &$found) {
        if ($inside === 'CIPHERVALUE') {
            $found[$inside][count($found[$inside]) - 1] .= $data;
        } elseif ($inside !== '') {
            $found[$inside] = ($found[$inside] ?? '') . $data;
        }
    });
    if (!xml_parse($parser, $xml, true)) {
        throw new PeerFault('no XML: ' . xml_error_string(xml_get_error_code($parser)), 1);
    }
    return $found;
}

/** Open a sealed message with the first key that fits; return [text, index of the key, wwwroot]. */
function open_message(string $xml, array $key_pems): array
{
    $wrapper = read_wrapper($xml);
    if (count($wrapper['CIPHERVALUE']) < 2) {
        throw new PeerFault('Payload not encrypted', 1);
    }
    $key = base64_decode(array_pop($wrapper['CIPHERVALUE']));
    $data = base64_decode(array_pop($wrapper['CIPHERVALUE']));
    foreach ($key_pems as $index => $pem) {
        if (openssl_open($data, $text, $key, openssl_pkey_get_private($pem), 'RC4')) {
            return [$text, $index, $wrapper['WWWROOT'] ?? ''];
        }
    }
    throw new PeerFault('No key match', 7023);
}

/** Take a signed message apart as a Moodle's client does; return the parts, unverified. */
function read_signed(string $text): array
{
    $position = strpos(substr($text, 0, 100), '<signedMessage>');
    if (!$position) {
        throw new PeerFault('Payload not signed', 2);
    }
    $wrapper = read_wrapper($text);
    return [
        'payload' => base64_decode($wrapper['OBJECT'] ?? ''),
        'signature' => base64_decode($wrapper['SIGNATUREVALUE'] ?? ''),
        'wwwroot' => $wrapper['WWWROOT'] ?? '',
        'timestamp' => (int) ($wrapper['TIMESTAMP'] ?? 0),
    ];
}

function verifies(array $signed, string $certificate_pem): bool
{
    return openssl_verify($signed['payload'], $signed['signature'], openssl_pkey_get_public($certificate_pem)) === 1;
}

function make_key_pair(string $wwwroot, string $name): array
{
    $config = ['digest_alg' => 'sha1', 'private_key_bits' => 2048, 'config' => __DIR__ . '/openssl.cnf'];
    $key = openssl_pkey_new($config);
    $subject = ['countryName' => 'NZ', 'organizationName' => $name, 'organizationalUnitName' => 'Moodle',
        'commonName' => substr($wwwroot, 0, 64), 'subjectAltName' => $wwwroot];
    $request = openssl_csr_new($subject, $key, $config);
    openssl_x509_export(openssl_csr_sign($request, null, $key, 28, $config), $certificate);
    openssl_pkey_export($key, $private, null, $config);
    return ['certificate' => $certificate, 'private' => $private];
}

/** What Moodle takes as a certificate: one block, every line but the last 64 characters long. */
function is_clean_pem(string $pem): bool
{
    $lines = explode("\n", $pem);
    $body = array_slice($lines, 1, -2);
    $last = array_pop($body);
    foreach ($body as $line) {
        if (strlen($line) !== 64) {
            return false;
        }
    }
    return $lines[0] === '-----BEGIN CERTIFICATE-----' && end($lines) === ''
        && $lines[count($lines) - 2] === '-----END CERTIFICATE-----' && strlen($last) <= 64;
}
