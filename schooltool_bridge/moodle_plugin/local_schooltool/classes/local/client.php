<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

namespace local_schooltool\local;

defined('MOODLE_INTERNAL') || die();

global $CFG;
require_once($CFG->dirroot . '/mnet/lib.php');
require_once($CFG->dirroot . '/mnet/peer.php');
require_once($CFG->dirroot . '/mnet/xmlrpc/client.php');

/**
 * Moodle's own client, with a time for connecting.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class client extends \mnet_xmlrpc_client {
    /** @var int seconds */
    private $connecting;

    /**
     * A client for one call: errors and parameters add up in it.
     *
     * @param string $method
     * @param int $seconds for all of it, at least 2
     * @param int $connecting seconds for reaching the server
     */
    public function __construct(string $method, int $seconds, int $connecting) {
        parent::__construct();
        $this->set_method('schooltool/sis.php/' . $method);
        $this->set_timeout(max(2, $seconds));
        $this->connecting = $connecting;
    }

    /**
     * What sends the request: an object from Moodle 4.2 on, before that a handle of cURL.
     *
     * @param \mnet_peer $peer
     * @return mixed
     */
    public function prepare_http_request($peer) {
        $request = parent::prepare_http_request($peer);
        if (is_object($request) && method_exists($request, 'setCurlOptions')) {
            $request->setCurlOptions([CURLOPT_CONNECTTIMEOUT => $this->connecting]);
        } else {
            curl_setopt($request, CURLOPT_CONNECTTIMEOUT, $this->connecting);
        }
        return $request;
    }

    /**
     * Call a server.
     *
     * @param int $hostid
     * @param string $method
     * @param array|null $param a struct or a list; null for none
     * @param int $seconds
     * @param int $connecting
     * @return array whether all is well, the response, the errors
     */
    public static function call(int $hostid, string $method, ?array $param, int $seconds, int $connecting): array {
        try {
            $peer = new \mnet_peer();
            if (!$peer->set_id($hostid) || $peer->deleted) {
                return [false, null, ['There is no such host in this Moodle any more.']];
            }
            $client = new self($method, $seconds, $connecting);
            if ($param !== null) {
                $client->add_param($param, isset($param[0]) ? 'array' : 'struct');
            }
            $isgood = $client->send($peer);
            return [(bool) $isgood, $client->response, $client->error];
        } catch (\Throwable $e) {
            // Without the RC4 cipher Moodle throws while it seals.
            return [false, null, [$e->getMessage()]];
        }
    }
}
