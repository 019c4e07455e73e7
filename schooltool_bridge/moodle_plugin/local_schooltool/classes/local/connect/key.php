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
 * Has Moodle make its own key pair, and a new one when the old one names another address.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class key extends step {
    /**
     * Nothing goes without it.
     *
     * @return bool
     */
    public function may_be_left_out(): bool {
        return false;
    }

    /**
     * This Moodle's certificate, wherever it is; empty when there is none.
     *
     * @return string
     */
    public static function certificate(): string {
        $kept = get_config('mnet', 'openssl');
        return $kept ? explode('@@@@@@@@', $kept)[0] : '';
    }

    /**
     * There has to be one, made for this address, that has not ended.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        global $CFG;
        $certificate = self::certificate();
        if ($certificate === '') {
            return new state(state::OPEN, get_string('key_none', 'local_schooltool'));
        }
        if (!address::is_for($certificate, $CFG->wwwroot)) {
            return new state(state::OPEN, get_string('key_otheraddress', 'local_schooltool', s($CFG->wwwroot)));
        }
        $parsed = openssl_x509_parse($certificate);
        if ($parsed['validTo_time_t'] <= time()) {
            return new state(state::OPEN, get_string('key_ended', 'local_schooltool'));
        }
        return new state(state::DONE, get_string('key_there', 'local_schooltool', [
            'fingerprint' => address::grouped(address::fingerprint($certificate)),
            'ends' => userdate($parsed['validTo_time_t'], get_string('strftimedate', 'langconfig')),
        ]));
    }

    /**
     * Lets Moodle make it, as its own page for networking does.
     *
     * @param target $target
     */
    public function apply(target $target) {
        $had = self::certificate() !== '';
        $this->remember($target, ['had' => $had]);
        // Whoever asks for this first while networking is on has the first key made.
        $mnet = get_mnet_environment();
        if ($had || self::certificate() === '') {
            $mnet->replace_keys();
        }
        if ($this->state($target)->status !== state::DONE) {
            throw new \moodle_exception('key_failed', 'local_schooltool');
        }
    }

    /**
     * A key is taken away only while networking is off: Moodle makes a new one at once otherwise.
     *
     * One that replaced another cannot come back: the old one named another address or had ended.
     *
     * @param target $target
     * @return bool
     */
    public function can_undo(target $target): bool {
        return $this->was_made($target) && (new networking())->is_off();
    }

    /**
     * Networking has to be switched off first.
     *
     * @param target $target
     * @return string
     */
    public function waits_for(target $target): string {
        return $this->was_made($target) && !(new networking())->is_off() ? (new networking())->title() : '';
    }

    /**
     * Whether Connect made the first key of this Moodle.
     *
     * @param target $target
     * @return bool
     */
    private function was_made(target $target): bool {
        $before = $this->before($target);
        return $before !== null && empty($before['had']);
    }

    /**
     * Takes the pair away.
     *
     * @param target $target
     * @param array $before
     */
    protected function restore(target $target, array $before) {
        global $CFG, $DB;
        unset_config('openssl', 'mnet');
        $DB->update_record('mnet_host', (object) [
            'id' => $CFG->mnet_localhost_id, 'public_key' => '', 'public_key_expires' => 0,
        ]);
    }
}
