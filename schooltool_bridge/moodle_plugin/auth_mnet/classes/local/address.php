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

namespace auth_mnet\local;

/**
 * Addresses, hashes and names as they go over the wire. Pure: no Moodle function, no database.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class address {
    /** @var int no list of user names in one call is longer */
    const MAX_NAMES = 5000;

    /**
     * The address of a site as the table of hosts has it: no slash at its end, with http or https.
     *
     * @param string $typed what a link says
     * @return string the address, empty when nothing is left
     */
    public static function tidy($typed) {
        $address = rtrim(trim($typed), '/');
        if ($address === '') {
            return '';
        }
        if (strncasecmp($address, 'http://', 7) !== 0 && strncasecmp($address, 'https://', 8) !== 0) {
            return 'http://' . $address;
        }
        return $address;
    }

    /**
     * Where a browser is sent so that it is signed in over there.
     *
     * @param string $wwwroot the other site's address
     * @param string $landpath the path at which it takes people in
     * @param string $token what proves the visit
     * @param string $ourwwwroot our own address; not encoded, as all sites send it
     * @param string $wantsurl the page that is wanted there
     * @param bool $backhere whether the page is one of ours, to which the other site leads back
     * @return string the whole address
     */
    public static function of_landing($wwwroot, $landpath, $token, $ourwwwroot, $wantsurl, $backhere) {
        return $wwwroot . $landpath . '?token=' . $token . '&idp=' . $ourwwwroot . '&wantsurl=' . urlencode($wantsurl)
            . ($backhere ? '&remoteurl=1' : '');
    }

    /**
     * A page's path within a site; anything else leads to the first page.
     *
     * @param string $path what the link says
     * @return string the path, which begins with one slash
     */
    public static function path($path) {
        if ($path === '' || $path[0] !== '/' || preg_match('~^/[/\\\\]|[\x00-\x20\x7f]~', $path)) {
            return '/';
        }
        return $path;
    }

    /**
     * What tells one browser from another.
     *
     * @param array $server the request's variables
     * @return string the SHA-1 of its User-Agent as it came, in 40 hex digits
     */
    public static function agent_hash(array $server) {
        return sha1(isset($server['HTTP_USER_AGENT']) ? $server['HTTP_USER_AGENT'] : '');
    }

    /**
     * The number that an error of Moodle's client begins with.
     *
     * @param string $error such as "7012 : no such function"
     * @return int the number; 0 when it has none
     */
    public static function error_code($error) {
        return preg_match('~^\s*(\d{1,6})\s*:~', $error, $found) ? (int) $found[1] : 0;
    }

    /**
     * The user names in a list that came from another site.
     *
     * @param mixed $told what came
     * @return string[] the names, each once
     */
    public static function names($told) {
        if (!is_array($told)) {
            return [];
        }
        $names = [];
        foreach (array_slice($told, 0, self::MAX_NAMES, false) as $name) {
            if (is_scalar($name) && !is_bool($name) && (string) $name !== '' && strlen((string) $name) <= 400) {
                $names[(string) $name] = (string) $name;
            }
        }
        return array_values($names);
    }
}
