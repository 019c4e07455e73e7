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
 * Addresses and certificates as people type and read them. Knows nothing of Moodle.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class address {
    /**
     * An address as a site of the network has it: with its scheme, without a slash at its end.
     *
     * @param string $typed
     * @return string empty when it is none
     */
    public static function normalised(string $typed): string {
        $text = trim($typed);
        if ($text === '' || strlen($text) > 255 || preg_match('/[\x00-\x20\x7f<>"\'\\\\]/', $text)) {
            return '';
        }
        if (!preg_match('~^[a-z][a-z0-9+.-]*://~i', $text)) {
            $text = 'https://' . $text;
        }
        $parts = parse_url($text);
        $needless = ['user' => 0, 'query' => 0, 'fragment' => 0];
        if (!is_array($parts) || empty($parts['host']) || array_intersect_key($parts, $needless)) {
            return '';
        }
        $scheme = strtolower($parts['scheme']);
        if ($scheme !== 'http' && $scheme !== 'https') {
            return '';
        }
        $port = isset($parts['port']) ? ':' . $parts['port'] : '';
        $path = isset($parts['path']) ? rtrim($parts['path'], '/') : '';
        return $scheme . '://' . strtolower($parts['host']) . $port . $path;
    }

    /**
     * A certificate's SHA-256 as plain hexadecimal digits.
     *
     * @param string $pem
     * @return string empty when it is no certificate
     */
    public static function fingerprint(string $pem): string {
        return openssl_x509_parse($pem) === false ? '' : strtolower(openssl_x509_fingerprint($pem, 'sha256'));
    }

    /**
     * A fingerprint as somebody wrote it, with colons or blanks, as plain digits.
     *
     * @param string $typed
     * @return string
     */
    public static function plain(string $typed): string {
        return strtolower(preg_replace('/[^0-9a-f]/i', '', $typed));
    }

    /**
     * A fingerprint as openssl and the other side's page print it.
     *
     * @param string $fingerprint
     * @return string
     */
    public static function grouped(string $fingerprint): string {
        return strtoupper(rtrim(chunk_split($fingerprint, 2, ':'), ':'));
    }

    /**
     * Whether a certificate was made for an address.
     *
     * @param string $pem
     * @param string $wwwroot
     * @return bool
     */
    public static function is_for(string $pem, string $wwwroot): bool {
        $parsed = openssl_x509_parse($pem);
        if (!is_array($parsed) || empty($parsed['subject'])) {
            return false;
        }
        if (isset($parsed['subject']['subjectAltName'])) {
            return $parsed['subject']['subjectAltName'] === $wwwroot;
        }
        return isset($parsed['subject']['CN']) && $parsed['subject']['CN'] === substr($wwwroot, 0, 64);
    }

    /**
     * The name of a site: its page's title, else its address.
     *
     * @param string $html
     * @param string $wwwroot
     * @return string at most 80 characters, as Moodle's table has it
     */
    public static function site_name(string $html, string $wwwroot): string {
        $name = '';
        if (preg_match('~<title[^>]*>([^<]{1,500})</title>~i', $html, $match)) {
            $name = trim(preg_replace('/\s+/u', ' ', html_entity_decode($match[1], ENT_QUOTES, 'UTF-8')));
        }
        return mb_substr($name !== '' ? $name : $wwwroot, 0, 80);
    }
}
