<?php
// XML-RPC as the field writes and reads it. STYLE is moodle-old, mahara (both PHP's own xmlrpc
// extension) or moodle-new (as phpxmlrpc does it, written here).

function encode_call(string $style, string $method, array $params): string
{
    if ($style === 'moodle-old') {
        return xmlrpc_encode_request($method, $params, ['encoding' => 'utf-8', 'escaping' => 'markup']);
    }
    if ($style === 'mahara') {
        return xmlrpc_encode_request($method, $params, ['encoding' => 'utf-8']);
    }
    $xml = "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<methodCall>\n<methodName>$method</methodName>\n<params>\n";
    foreach ($params as $param) {
        $xml .= "<param>\n" . encode_value($param, false) . "\n</param>\n";
    }
    return $xml . "</params>\n</methodCall>";
}

function encode_answer(string $style, $value): string
{
    if ($style !== 'moodle-new') {
        return xmlrpc_encode_request(null, $value, ['encoding' => 'utf-8']);
    }
    return "<?xml version=\"1.0\"?>\n<methodResponse>\n<params>\n<param>\n" . encode_value($value, true)
        . "\n</param>\n</params>\n</methodResponse>";
}

function encode_fault(int $code, string $text): string
{
    $text = htmlspecialchars($text);
    return "<?xml version=\"1.0\"?>\n<methodResponse>\n   <fault>\n      <value>\n         <struct>\n"
        . "            <member>\n               <name>faultCode</name>\n               <value><int>$code</int></value>\n"
        . "            </member>\n            <member>\n               <name>faultString</name>\n"
        . "               <value><string>$text</string></value>\n            </member>\n         </struct>\n"
        . "      </value>\n   </fault>\n</methodResponse>";
}

function encode_value($value, bool $references): string
{
    if (is_bool($value)) {
        return '<value><boolean>' . ($value ? '1' : '0') . '</boolean></value>';
    }
    if (is_int($value)) {
        return "<value><int>$value</int></value>";
    }
    if (is_float($value)) {
        return "<value><double>$value</double></value>";
    }
    if (is_array($value)) {
        $xml = '';
        if (array_is_list($value)) {
            foreach ($value as $item) {
                $xml .= encode_value($item, $references) . "\n";
            }
            return "<value><array>\n<data>\n$xml</data>\n</array></value>";
        }
        foreach ($value as $name => $item) {
            $xml .= "<member><name>$name</name>\n" . encode_value($item, $references) . "\n</member>\n";
        }
        return "<value><struct>\n$xml</struct></value>";
    }
    if ($value === null) {
        return '<value></value>';
    }
    $text = htmlspecialchars((string) $value, ENT_QUOTES | ENT_XML1);
    if ($references) {
        $text = preg_replace_callback('/[^\x20-\x7e]/u', fn ($m) => '&#' . mb_ord_utf8($m[0]) . ';', $text);
    }
    return "<value><string>$text</string></value>";
}

function mb_ord_utf8(string $character): int
{
    return unpack('N', iconv('UTF-8', 'UCS-4BE', $character))[1];
}

/** Read a call as each kind of server does; returns [method, params]. */
function decode_call(string $style, string $xml): array
{
    if ($style === 'moodle-new') {
        $call = new SimpleXMLElement($xml);
        $params = [];
        foreach ($call->params->param ?? [] as $param) {
            $params[] = decode_value($param->value);
        }
        return [(string) $call->methodName, $params];
    }
    $params = xmlrpc_decode_request($xml, $method, 'utf-8');
    return [$method, $params ?? []];
}

/** Read an answer as each kind of client does: the extension's knows no character set. */
function decode_answer(string $style, string $xml)
{
    if ($style !== 'moodle-new') {
        return xmlrpc_decode($xml);
    }
    $answer = new SimpleXMLElement($xml);
    return decode_value(isset($answer->fault) ? $answer->fault->value : $answer->params->param->value);
}

function decode_value(SimpleXMLElement $value)
{
    foreach ($value->children() as $type => $inner) {
        switch ($type) {
            case 'int':
            case 'i4':
                return (int) (string) $inner;
            case 'boolean':
                return (string) $inner === '1';
            case 'double':
                return (float) (string) $inner;
            case 'array':
                $list = [];
                foreach ($inner->data->value ?? [] as $item) {
                    $list[] = decode_value($item);
                }
                return $list;
            case 'struct':
                $struct = [];
                foreach ($inner->member as $member) {
                    $struct[(string) $member->name] = decode_value($member->value);
                }
                return $struct;
            default:
                return (string) $inner;
        }
    }
    return (string) $value;
}
