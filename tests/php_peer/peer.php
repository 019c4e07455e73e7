<?php
// A small MNet peer for tests: its state, the calls it makes, the calls it answers.
// Written for this project; behaves as mnet/PROTOCOL.md says that a Moodle or Mahara does.

require __DIR__ . '/envelope.php';
require __DIR__ . '/dialects.php';

const METHODS = ['local/schooltool/lib.php/list_user_enrolments', 'local/schooltool/lib.php/get_user'];
const NO_SESSION = 1;
const CLOCK_DRIFT_S = 15;

class Peer
{
    public array $state;

    public function __construct(private string $folder)
    {
        $this->state = json_decode((string) @file_get_contents("$folder/state.json"), true) ?? [];
    }

    public function save(): void
    {
        file_put_contents("{$this->folder}/state.json", json_encode($this->state), LOCK_EX);
    }

    public function style(): string
    {
        return $this->state['style'];
    }

    public function init(string $wwwroot, string $style): void
    {
        $this->state = ['wwwroot' => $wwwroot, 'style' => $style, 'peers' => [], 'enrolments' => [], 'users' => [],
            'keys' => [make_key_pair($wwwroot, 'PHP peer')]];
        $this->save();
    }

    public function rotate(bool $forget): void
    {
        $kept = $forget ? [] : array_slice($this->state['keys'], 0, 3);
        $this->state['keys'] = [make_key_pair($this->state['wwwroot'], 'PHP peer'), ...$kept];
        $this->save();
    }

    /** Fetch a site's certificate and check it as a Moodle does. */
    public function fetch_key(string $wwwroot): string
    {
        $params = [$this->state['wwwroot'], $this->state['keys'][0]['certificate']];
        if ($this->style() !== 'mahara') {
            $params[] = 'moodle';
        }
        $answer = decode_answer($this->style(), $this->post($wwwroot, encode_call($this->style(), 'system/keyswap', $params)));
        if (!is_string($answer) || !is_clean_pem($answer)) {
            throw new PeerFault('the keyswap brought no clean certificate', -1);
        }
        $subject = openssl_x509_parse($answer)['subject'];
        if (!is_string($subject['CN']) || $subject['CN'] !== substr($wwwroot, 0, 64)) {
            throw new PeerFault('the certificate names another site', 4);
        }
        return $answer;
    }

    public function add(string $wwwroot): string
    {
        $this->state['peers'][$wwwroot] = $this->fetch_key($wwwroot);
        $this->save();
        return openssl_x509_fingerprint($this->state['peers'][$wwwroot], 'sha256');
    }

    /** Call a method, strict as a Moodle's client; a new key (7025) is taken and tried once. */
    public function call(string $wwwroot, string $method, array $params, array $how = [], bool $again = true)
    {
        $pair = $this->state['keys'][$how['sign_with'] ?? 0];
        $payload = $how['payload'] ?? encode_call($this->style(), $method, $params);
        $signed = sign_message($payload, $pair['private'], $this->state['wwwroot'], $how['timestamp'] ?? null);
        $extra = $this->style() === 'mahara' ? "\n        <X1>nothing</X1>" : '';
        $body = seal_message($signed, $this->state['peers'][$wwwroot], $this->state['wwwroot'], $extra);
        if (isset($how['save'])) {
            file_put_contents($how['save'], $body);
        }
        return $this->read_answer($wwwroot, $method, $params, $how, $again, $this->post($wwwroot, $body));
    }

    private function read_answer(string $wwwroot, string $method, array $params, array $how, bool $again, string $answer)
    {
        if (strpos($answer, '<encryptedMessage>') === false || strpos(substr($answer, 0, 100), '<encryptedMessage>') < 1) {
            $plain = decode_answer($this->style(), $answer);
            throw new PeerFault('plain: ' . ($plain['faultString'] ?? ''), $plain['faultCode'] ?? 4);
        }
        [$text, , $outer] = open_message($answer, array_column($this->state['keys'], 'private'));
        $signed = read_signed($text);
        if ($outer !== $wwwroot || $signed['wwwroot'] !== $wwwroot) {
            throw new PeerFault('answered by another site', -1);
        }
        if ($signed['timestamp'] > time() + ($how['clock'] ?? 0) + CLOCK_DRIFT_S) {
            throw new PeerFault('the answer comes from the future', 6);
        }
        $value = decode_answer($this->style(), $signed['payload']);
        $code = is_array($value) ? (int) ($value['faultCode'] ?? 0) : 0;
        if (!verifies($signed, $this->state['peers'][$wwwroot])) {
            throw new PeerFault('Invalid signature', -2);
        }
        if ($code === 7025 && $again) {
            if (!is_clean_pem($value['faultString'])) {
                throw new PeerFault('7025 without a clean certificate', -1);
            }
            $this->state['peers'][$wwwroot] = $value['faultString'];
            $this->save();
            return $this->call($wwwroot, $method, $params, $how, false);
        }
        if ($code) {
            throw new PeerFault($value['faultString'], $code);
        }
        return $value;
    }

    public function post(string $wwwroot, string $body): string
    {
        $path = '/mnet/xmlrpc/server.php';
        $context = stream_context_create(['http' => ['method' => 'POST', 'content' => $body, 'ignore_errors' => true,
            'follow_location' => 0, 'timeout' => 20, 'header' => "Content-Type: text/xml charset=UTF-8\r\nUser-Agent: Moodle"]]);
        $answer = file_get_contents($wwwroot . $path, false, $context);
        if (!preg_match('#^HTTP/1\.[01] 200 #', $http_response_header[0] ?? '')) {
            throw new PeerFault("Didn't receive 200 OK: " . ($http_response_header[0] ?? 'no answer'), 5);
        }
        return $answer;
    }

    /** Answer a request's body as a Moodle's server does. */
    public function answer(string $body): string
    {
        if (!str_contains($body, '<encryptedMessage>')) {
            [$method] = decode_call($this->style(), $body);
            return $method === 'system/keyswap'
                ? encode_answer($this->style(), $this->state['keys'][0]['certificate'])
                : encode_fault(7021, 'forbidden-transport');
        }
        $sender = trim(read_wrapper($body)['WWWROOT'] ?? '');
        if (!isset($this->state['peers'][$sender])) {
            return encode_fault(7020, 'wrong-wwwroot');
        }
        try {
            [$text, $index] = open_message($body, array_column($this->state['keys'], 'private'));
        } catch (PeerFault $fault) {
            return encode_fault(7023, 'encryption-invalid');
        }
        if ($index > 0) {
            // A Moodle proves its new key with the old one; a Mahara signs with the new one.
            $with = $this->style() === 'mahara' ? 0 : $index;
            return $this->wrap(encode_fault(7025, $this->state['keys'][0]['certificate']), $sender, $with);
        }
        $signed = read_signed($text);
        if (!verifies($signed, $this->state['peers'][$sender]) && !$this->refresh($sender, $signed)) {
            return $this->wrap(encode_fault(710, 'verifysignature-invalid'), $sender);
        }
        [$method, $params] = decode_call($this->style(), $signed['payload']);
        file_put_contents("{$this->folder}/calls.jsonl", json_encode([$method, $params]) . "\n", FILE_APPEND | LOCK_EX);
        return $this->wrap($this->dispatch($method, $params), $sender);
    }

    /** A signature that does not verify: ask for the sender's key, and for its proof. */
    private function refresh(string $sender, array $signed): bool
    {
        if ($this->fetch_key($sender) === $this->state['peers'][$sender]) {
            return false;
        }
        $this->call($sender, 'system/listServices', []);
        return verifies($signed, $this->state['peers'][$sender]);
    }

    private function dispatch(string $method, array $params): string
    {
        $style = $this->style();
        switch (basename($method)) {
            case 'listMethods':
                return encode_answer($style, $style === 'mahara' ? array_fill_keys(METHODS, 'f') : METHODS);
            case 'listServices':
                return encode_answer($style, [['name' => 'schooltool', 'apiversion' => '1', 'publish' => '1', 'subscribe' => '1']]);
            case 'list_user_enrolments':
                return encode_answer($style, $this->state['enrolments'][$params[0]['idnumber']] ?? []);
            case 'user_authorise':
                // As a Moodle does it: by token and browser, and not consumed. A Mahara looks at the token only.
                [$agent, $user] = $this->state['visits'][$params[0]] ?? [null, null];
                $known = $user !== null && ($style === 'mahara' || $agent === $params[1]);
                return $known ? encode_answer($style, $user) : encode_fault(NO_SESSION, 'authfail_nosessionexists');
            case 'kill_children':
                return encode_answer($style, $style === 'mahara' ? true : 'Deleting session');
            case 'kill_child':
                return encode_answer($style, true);
            case 'get_user':
                $user = $this->state['users'][$params[0]['idnumber'] ?? ''] ?? null;
                return $user ? encode_answer($style, $user) : encode_fault(404, 'no such user');
        }
        // What else a test set: a value in PHP's own arrays.
        $answers = $this->state['answers'] ?? [];
        if (array_key_exists(basename($method), $answers)) {
            return encode_answer($style, $answers[basename($method)]);
        }
        return encode_fault(7012, 'nosuchfunction');
    }

    private function wrap(string $payload, string $to, int $index = 0): string
    {
        $signed = sign_message($payload, $this->state['keys'][$index]['private'], $this->state['wwwroot']);
        return seal_message($signed, $this->state['peers'][$to], $this->state['wwwroot']);
    }
}
