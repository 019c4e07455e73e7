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

use local_schooltool\local\outbox;
use local_schooltool\local\sender;

/**
 * Sends everything to a server while somebody looks on; what is left goes out by the scheduled task.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class transfer {
    /** @var int Seconds between two looks at how far it is. */
    const SLICE = 2;
    /** @var int Seconds that a page goes on at most. */
    const LONGEST = 3600;

    /**
     * Begins a transfer of everything.
     *
     * @param int $hostid
     */
    public static function begin(int $hostid) {
        outbox::note_everything($hostid);
        self::try_now($hostid);
    }

    /**
     * Ends the wait after a failure: somebody says that it works again, or wants to see.
     *
     * @param int $hostid
     */
    public static function try_now(int $hostid) {
        global $DB;
        $DB->set_field('local_schooltool_peer', 'downuntil', 0, ['hostid' => $hostid]);
    }

    /**
     * Sends what waits until nothing does, or nothing moves, or the time is over.
     *
     * @param int $hostid
     * @param int $seconds
     * @param callable $progress takes how many were sent, and how many still wait
     * @return array the sender's status at the end
     */
    public static function watch(int $hostid, int $seconds, callable $progress): array {
        $end = time() + $seconds;
        $sent = 0;
        do {
            $counts = sender::run($hostid, self::SLICE);
            $now = isset($counts['sent']) ? (int) $counts['sent'] : 0;
            $sent += $now;
            $status = sender::status($hostid);
            $progress($sent, (int) $status['waiting']);
        } while ($status['waiting'] > 0 && $now > 0 && time() < $end);
        return $status;
    }
}
