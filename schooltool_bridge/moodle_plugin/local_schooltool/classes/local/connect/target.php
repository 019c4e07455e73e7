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
 * The server that this Moodle is to be connected with, and what the admin chose for it.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class target {
    /** @var string Its address. */
    public $wwwroot;
    /** @var string Its certificate as it was fetched now; empty when nobody asked. */
    public $certificate = '';
    /** @var string The fingerprint that the admin compared. */
    public $compared = '';
    /** @var string Its name, as its first page says it. */
    public $sitename = '';
    /** @var bool Whether any certificate of its https will do. */
    public $anytls = false;
    /** @var int[]|null The roles whose users may go over to it; null when nobody said. */
    public $roles = null;
    /** @var \stdClass|false|null Its row in mnet_host; null when not looked for yet. */
    private $host = null;

    /**
     * Takes an address.
     *
     * @param string $wwwroot as address::normalised() returns it
     */
    public function __construct(string $wwwroot) {
        global $CFG;
        require_once($CFG->dirroot . '/mnet/lib.php');
        $this->wwwroot = $wwwroot;
    }

    /**
     * A server that is connected already.
     *
     * @param int $hostid
     * @return target|null
     */
    public static function of_host(int $hostid) {
        global $DB;
        $wwwroot = $DB->get_field('mnet_host', 'wwwroot', ['id' => $hostid]);
        return $wwwroot ? new target($wwwroot) : null;
    }

    /**
     * Its row in mnet_host, also one that is marked as deleted.
     *
     * @return \stdClass|null
     */
    public function host() {
        global $DB;
        if ($this->host === null) {
            $this->host = $this->wwwroot === '' ? false : $DB->get_record('mnet_host', ['wwwroot' => $this->wwwroot]);
        }
        return $this->host ?: null;
    }

    /**
     * Has its row read again.
     */
    public function forget_host() {
        $this->host = null;
    }

    /**
     * Its number in mnet_host; 0 when it has none.
     *
     * @return int
     */
    public function hostid(): int {
        $host = $this->host();
        return $host ? (int) $host->id : 0;
    }

    /**
     * Whether this Moodle knows it as a peer now.
     *
     * @return bool
     */
    public function is_peer(): bool {
        $host = $this->host();
        return $host && empty($host->deleted);
    }

    /**
     * The peer, as Moodle's own functions want it.
     *
     * @return \mnet_peer
     */
    public function peer(): \mnet_peer {
        $peer = new \mnet_peer();
        $peer->set_id($this->hostid());
        return $peer;
    }

    /**
     * Its row in this plugin's table.
     *
     * @return \stdClass|null
     */
    public function row() {
        global $DB;
        $hostid = $this->hostid();
        return $hostid ? ($DB->get_record('local_schooltool_peer', ['hostid' => $hostid]) ?: null) : null;
    }
}
