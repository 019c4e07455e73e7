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
 * Takes the server in as a peer, once the admin has compared its fingerprint.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class peer extends step {
    /**
     * Nothing goes without it.
     *
     * @return bool
     */
    public function may_be_left_out(): bool {
        return false;
    }

    /**
     * It is about one server.
     *
     * @return bool
     */
    public function of_one_server(): bool {
        return true;
    }

    /**
     * It has to be a peer of our type with the key that it has now, in this plugin's table, and under our present address.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        global $CFG;
        if (!$target->is_peer()) {
            return new state(state::OPEN, get_string('peer_none', 'local_schooltool'));
        }
        $host = $target->host();
        if (
            $target->certificate !== ''
                && address::fingerprint($target->certificate) !== address::fingerprint($host->public_key)
        ) {
            return new state(state::OPEN, get_string('peer_otherkey', 'local_schooltool'));
        }
        $row = $target->row();
        if (!$row || !$row->enabled || (int) $host->applicationid !== application::id()) {
            return new state(state::OPEN, get_string('peer_byhand', 'local_schooltool'));
        }
        if (get_config('local_schooltool', 'wwwroot') !== $CFG->wwwroot) {
            return new state(state::OPEN, get_string('peer_moved', 'local_schooltool'));
        }
        return new state(state::DONE, get_string('peer_there', 'local_schooltool', [
            'name' => s($host->name),
            'fingerprint' => address::grouped(address::fingerprint($host->public_key)),
        ]));
    }

    /**
     * Fetches its key as Moodle's own page does, and believes only the one that was compared.
     *
     * @param target $target
     */
    public function apply(target $target) {
        global $CFG, $DB;
        $known = $target->host();
        $wasdeleted = !$known || $known->deleted;
        $peer = new \mnet_peer();
        if ($known) {
            $peer->set_id($known->id);
        } else {
            self::begin($peer, $target->wwwroot);
        }
        // The swap of keys tells the server this Moodle's own; what came back must be what was shown.
        $certificate = $target->certificate !== '' ? $target->certificate : $peer->public_key;
        $fetched = address::fingerprint($known ? $certificate : $peer->public_key);
        $trusted = $known && !$known->deleted && address::fingerprint($known->public_key) === $fetched;
        if (!$trusted && ($target->compared === '' || $target->compared !== $fetched)) {
            throw new \moodle_exception('peer_notcompared', 'local_schooltool');
        }
        if ($known && !$trusted) {
            $peer->public_key = $certificate;
            $this->swap_keys($peer);
        }
        $credentials = $peer->check_credentials($peer->public_key);
        if (!$credentials) {
            throw new \moodle_exception('peer_nokey', 'local_schooltool');
        }
        $before = ['new' => !$known, 'deleted' => $wasdeleted, 'applicationid' => $known ? (int) $known->applicationid : 0];
        $peer->public_key_expires = $credentials['validTo_time_t'];
        $peer->deleted = 0;
        $peer->applicationid = application::id();
        $peer->name = $target->sitename !== '' ? $target->sitename : \core_text::substr($peer->name, 0, 80);
        if (!$known || $target->anytls) {
            $peer->sslverification = $target->anytls ? \mnet_peer::SSL_NONE : \mnet_peer::SSL_HOST_AND_PEER;
        }
        if (!$peer->commit()) {
            throw new \moodle_exception('peer_nokey', 'local_schooltool');
        }
        $target->forget_host();
        $this->remember($target, $before);
        $this->write_row($target, $peer, $fetched);
        set_config('wwwroot', $CFG->wwwroot, 'local_schooltool');
    }

    /**
     * Fills a new peer as mnet_peer::bootstrap() does, with a swap of keys.
     *
     * That function fetches the first page too, for its title; we have it, and cURL security may refuse it.
     *
     * @param \mnet_peer $peer
     * @param string $wwwroot
     */
    private static function begin(\mnet_peer $peer, string $wwwroot) {
        global $DB;
        $hostname = (string) mnet_get_hostname_from_uri($wwwroot);
        $peer->wwwroot = $wwwroot;
        $peer->name = $wwwroot;
        $peer->ip_address = gethostbyname($hostname);
        $peer->application = $DB->get_record('mnet_application', ['id' => application::id()], '*', MUST_EXIST);
        $peer->public_key = clean_param((string) mnet_get_public_key($wwwroot, $peer->application), PARAM_PEM);
    }

    /**
     * Tells a server our key that knew us before; what it answers is not needed.
     *
     * @param \mnet_peer $peer
     */
    private function swap_keys(\mnet_peer $peer) {
        mnet_get_public_key($peer->wwwroot, $peer->application);
    }

    /**
     * Notes the server in this plugin's table; events from now on go there.
     *
     * @param target $target
     * @param \mnet_peer $peer
     * @param string $fingerprint
     */
    private function write_row(target $target, \mnet_peer $peer, string $fingerprint) {
        global $DB;
        $row = $target->row();
        if ($row) {
            $row->enabled = 1;
            $row->name = $peer->name;
            $row->fingerprint = $fingerprint;
            $row->failures = 0;
            $row->downuntil = 0;
            $row->timemodified = time();
            $DB->update_record('local_schooltool_peer', $row);
            return;
        }
        $DB->insert_record('local_schooltool_peer', (object) [
            'hostid' => $target->hostid(),
            'enabled' => 1,
            'name' => $peer->name,
            'fingerprint' => $fingerprint,
            'lasterror' => '',
            'timecreated' => time(),
            'timemodified' => time(),
        ]);
    }

    /**
     * A connected server can always be left again, also one that was a peer before.
     *
     * @param target $target
     * @return bool
     */
    public function can_undo(target $target): bool {
        return $target->row() !== null;
    }

    /**
     * Sends nothing more; a peer that came by Connect goes, or is marked as deleted when accounts here name it.
     *
     * @param target $target
     */
    public function undo(target $target) {
        $before = $this->before($target) ?: ['new' => false, 'deleted' => false, 'applicationid' => 0];
        $this->forget($target);
        $this->restore($target, $before);
        $target->forget_host();
    }

    /**
     * Puts the peer back.
     *
     * @param target $target
     * @param array $before
     */
    protected function restore(target $target, array $before) {
        global $DB;
        $hostid = $target->hostid();
        $DB->delete_records('local_schooltool_outbox', ['hostid' => $hostid]);
        $DB->delete_records('local_schooltool_refused', ['hostid' => $hostid]);
        $DB->delete_records('local_schooltool_peer', ['hostid' => $hostid]);
        unset_config('leftout_' . $hostid, 'local_schooltool');
        if (!empty($before['applicationid'])) {
            $DB->set_field('mnet_host', 'applicationid', $before['applicationid'], ['id' => $hostid]);
            $target->forget_host();
        }
        if ($before['deleted']) {
            $target->peer()->delete();
        }
        if ($before['new']) {
            removal::host($hostid);
        }
    }
}
