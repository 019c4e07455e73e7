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
 * Looks whether PHP can seal and open a message as the Moodle network does, with RC4.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class cipher extends step {
    /** @var string What OpenSSL 3 needs in its configuration. */
    const LINES = "openssl_conf = openssl_init\n\n[openssl_init]\nproviders = provider_sect\n[provider_sect]\n" .
        "default = default_sect\nlegacy = legacy_sect\n[default_sect]\nactivate = 1\n[legacy_sect]\nactivate = 1\n";

    /**
     * It only looks.
     *
     * @return bool
     */
    public function only_looks(): bool {
        return true;
    }

    /**
     * Nothing goes without it.
     *
     * @return bool
     */
    public function may_be_left_out(): bool {
        return false;
    }

    /**
     * Seals a few words and opens them again.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        global $CFG;
        foreach (['openssl', 'curl'] as $extension) {
            if (!extension_loaded($extension)) {
                return new state(state::BLOCKED, get_string('cipher_extension', 'local_schooltool', $extension));
            }
        }
        // Until 4.0 the network used an extension that PHP 8 no longer brings; 4.1 has its own parts.
        if ($CFG->branch < 401 && !extension_loaded('xmlrpc')) {
            return new state(state::BLOCKED, get_string('cipher_extension', 'local_schooltool', 'xmlrpc'));
        }
        if (self::works()) {
            return new state(state::DONE, get_string('cipher_works', 'local_schooltool', OPENSSL_VERSION_TEXT));
        }
        $file = getenv('OPENSSL_CONF') ?: self::default_file();
        $text = get_string('cipher_fails', 'local_schooltool', ['openssl' => OPENSSL_VERSION_TEXT, 'file' => s($file)]);
        return new state(state::BLOCKED, $text, self::LINES);
    }

    /**
     * Whether a message can be sealed with RC4 and opened again.
     *
     * @return bool
     */
    public static function works(): bool {
        $key = openssl_pkey_new(['private_key_bits' => 2048, 'private_key_type' => OPENSSL_KEYTYPE_RSA]);
        if (!$key) {
            return false;
        }
        $public = openssl_pkey_get_details($key)['key'];
        $sealed = '';
        $keys = [];
        $opened = '';
        $works = @openssl_seal('a few words', $sealed, $keys, [$public], 'RC4') !== false
            && @openssl_open($sealed, $opened, $keys[0], $key, 'RC4') && $opened === 'a few words';
        // What OpenSSL says of it must not turn up as the reason of somebody else's failure.
        while (openssl_error_string() !== false) {
            continue;
        }
        return $works;
    }

    /**
     * Where OpenSSL looks for its configuration when nobody says so.
     *
     * @return string
     */
    private static function default_file(): string {
        $locations = openssl_get_cert_locations();
        return empty($locations['default_cert_dir']) ? 'openssl.cnf' : dirname($locations['default_cert_dir']) . '/openssl.cnf';
    }
}
