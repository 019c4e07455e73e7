<?php
// XML-RPC through PHP's own xmlrpc extension, called with the arguments of Moodle up to 4.0 and
// of Mahara. One JSON object a line on stdin, one JSON answer each; documents travel as base64.

function record_params(...$params)
{
    $GLOBALS['received'] = $params;
    return true;
}

// Mahara's api_dummy_method: the function to call comes as the user data.
function call_user_data(string $method, array $params, string $function)
{
    return call_user_func_array($function, $params);
}

/** Mahara reads a call twice: by hand for the method's name, then in the server for the params. */
function mahara_server(string $xml): array
{
    $first = xmlrpc_decode_request($xml, $method, 'UTF-8');
    $server = xmlrpc_server_create();
    xmlrpc_server_register_method($server, $method, 'call_user_data');
    $GLOBALS['received'] = null;
    xmlrpc_server_call_method($server, $xml, 'record_params', ['encoding' => 'utf-8']);
    if ($first != $GLOBALS['received']) {
        throw new Exception('the two readings differ');
    }
    return [$method, $GLOBALS['received']];
}

while (($line = fgets(STDIN)) !== false) {
    $order = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    $xml = base64_decode($order['xml'] ?? '');
    $utf8 = ['encoding' => 'utf-8'];
    try {
        $result = match ($order['op']) {
            // Moodle's and Mahara's client: no charset is named, so it reads as ISO-8859-1.
            'decode_response' => xmlrpc_decode($xml),
            // Moodle's server.
            'decode_request' => (function () use ($xml) {
                $params = xmlrpc_decode_request($xml, $method, 'utf-8');
                return [$method, $params];
            })(),
            'mahara_server' => mahara_server($xml),
            'encode_request' => base64_encode(xmlrpc_encode_request(
                $order['method'], $order['params'], $utf8 + ['escaping' => 'markup'])),
            'encode_mahara_request' => base64_encode(
                xmlrpc_encode_request($order['method'], $order['params'], $utf8)),
            'encode_response' => base64_encode(xmlrpc_encode_request(null, $order['value'], $utf8)),
        };
        // A string that is no UTF-8 is a mangled accent: it must fail here, not be replaced.
        $answer = json_encode(['value' => $result], JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION);
    } catch (Throwable $problem) {
        $answer = json_encode(['problem' => get_class($problem) . ': ' . $problem->getMessage()]);
    }
    fwrite(STDOUT, $answer . "\n");
}
