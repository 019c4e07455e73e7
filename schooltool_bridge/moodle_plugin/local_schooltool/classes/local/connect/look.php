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

namespace local_schooltool\local\connect;

/**
 * Looks at a server before anything is switched on: its certificate and its name.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class look {
    /**
     * Fetches a server's certificate and name into the target. Changes nothing in this Moodle.
     *
     * Moodle's cURL security is not asked: the calls of its network do not pass through it either,
     * and only an admin gets here.
     *
     * @param target $target
     * @return string why it could not be had; empty when it is there
     */
    public static function at(target $target): string {
        global $CFG;
        require_once($CFG->libdir . '/filelib.php');
        if ($target->wwwroot === $CFG->wwwroot) {
            return get_string('look_ourselves', 'local_schooltool');
        }
        [$pem, $errno, $error, $status] = self::get($target->wwwroot . '/mnet/publickey.php', $target->anytls);
        if ($errno === CURLE_SSL_CACERT || $errno === CURLE_SSL_PEER_CERTIFICATE) {
            return get_string('look_tls', 'local_schooltool', s($error));
        }
        if ($errno) {
            return get_string('look_unreachable', 'local_schooltool', s($error));
        }
        if ($status !== 200) {
            return get_string('look_status', 'local_schooltool', $status);
        }
        $pem = clean_param(trim($pem), PARAM_PEM);
        if (address::fingerprint($pem) === '') {
            return get_string('look_nocertificate', 'local_schooltool');
        }
        if (!address::is_for($pem, $target->wwwroot)) {
            $parsed = openssl_x509_parse($pem);
            $name = isset($parsed['subject']['CN']) ? $parsed['subject']['CN'] : '';
            return get_string('look_otheraddress', 'local_schooltool', s($name));
        }
        $target->certificate = $pem;
        [$html, $errno] = self::get($target->wwwroot . '/', $target->anytls);
        $target->sitename = address::site_name($errno ? '' : substr($html, 0, 100000), $target->wwwroot);
        return '';
    }

    /**
     * Fetches one page.
     *
     * @param string $url
     * @param bool $anytls
     * @return array content, cURL's number and message, HTTP status
     */
    private static function get(string $url, bool $anytls): array {
        $curl = new \curl(['ignoresecurity' => true]);
        $content = $curl->get($url, [], [
            'CURLOPT_CONNECTTIMEOUT' => 10,
            'CURLOPT_TIMEOUT' => 20,
            'CURLOPT_SSL_VERIFYPEER' => !$anytls,
            'CURLOPT_SSL_VERIFYHOST' => $anytls ? 0 : 2,
        ]);
        $info = $curl->get_info();
        $status = isset($info['http_code']) ? (int) $info['http_code'] : 0;
        return [(string) $content, (int) $curl->get_errno(), (string) $curl->error, $status];
    }
}
