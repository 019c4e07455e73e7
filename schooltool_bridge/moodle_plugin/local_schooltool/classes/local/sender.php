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

/**
 * Sends what waits in the outbox: to each server in the order of the notes, one sender at a time.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class sender {
    /** Events of one call. */
    const MANY = 250;
    /** Events of the first call while a worker of the web server is kept by it; its pace says how many then. */
    const FEW = 50;
    /** Seconds of all that is done after an answer has left. */
    const AFTER_ANSWER_S = 5;
    /** Seconds for one call, and for reaching a server; and the latter after an answer. */
    const CALL_S = 60;
    /** Seconds. */
    const CONNECT_S = 10;
    /** Seconds. */
    const CONNECT_SOON_S = 1;
    /** Seconds after which a lock is free again whose process died, where the database does not see to that. */
    const LOCK_S = 600;
    /** Rows over which it is worth while to drop what is noted again later. */
    const CROWDED = 1000;

    /** @var bool whether this request sends when its answer has left */
    private static $iswoken = false;

    /**
     * Send when the answer has left, where that is possible. Costs nothing elsewhere.
     *
     * @return void
     */
    public static function wake(): void {
        if (self::$iswoken || CLI_SCRIPT || !function_exists('fastcgi_finish_request')) {
            return;
        }
        self::$iswoken = true;
        // Moodle writes its last lines and closes its session after all functions of this kind, so what
        // ends the request is registered in one, to come after them.
        \core_shutdown_manager::register_function([self::class, 'last_of_all']);
    }

    /**
     * Let after_answer come after Moodle's own shutdown.
     *
     * @return void
     */
    public static function last_of_all(): void {
        register_shutdown_function([self::class, 'after_answer']);
    }

    /**
     * Let the answer go, then send.
     *
     * @return void
     */
    public static function after_answer(): void {
        global $DB;
        try {
            if ($DB->is_transaction_started()) {
                return;
            }
            \core\session\manager::write_close();
            ignore_user_abort(true);
            fastcgi_finish_request();
            \core_php_time_limit::raise(self::CALL_S);
            self::run(null, self::AFTER_ANSWER_S, true);
        } catch (\Throwable $e) {
            outbox::complain($e);
        }
    }

    /**
     * Send what waits.
     *
     * @param int|null $hostid one server, also when it counts as down (somebody asked for it); null for all
     * @param int $seconds begins nothing after them
     * @param bool $issoon whether a page's worker is kept by it
     * @return array sent, refused, waiting (counts); moved, busy (whether it did not send for that)
     */
    public static function run(?int $hostid, int $seconds, bool $issoon = false): array {
        $did = ['sent' => 0, 'refused' => 0, 'waiting' => 0, 'moved' => self::is_moved(), 'busy' => false];
        $until = microtime(true) + $seconds;
        $istime = true;
        do {
            $factory = \core\lock\lock_config::get_lock_factory('local_schooltool');
            $lock = $factory->get_lock('sender', 0, self::LOCK_S);
            if (!$lock) {
                // Who has it looks again after giving it back, so nothing noted until now is left lying.
                $did['busy'] = true;
                break;
            }
            try {
                history::take($until);
                if (!$did['moved']) {
                    foreach (self::servers($hostid) as $server) {
                        $istime = self::serve($server, $until, $issoon, $did) && $istime;
                    }
                }
            } finally {
                $lock->release();
            }
            // Only once where somebody asked, whatever came of it.
            $isleft = $hostid === null && !$did['moved'] && $istime && microtime(true) < $until && self::is_left();
        } while ($isleft);
        if (!$issoon) {
            array_map([self::class, 'thin'], outbox::peers());
        }
        $did['waiting'] = self::waiting($hostid);
        return $did;
    }

    /**
     * What the status page says of a server.
     *
     * @param int $hostid
     * @return array waiting, last_success, last_error, down_until, position, mode, history (whether Moodle keeps
     *     one), moved, refused (rows)
     */
    public static function status(int $hostid): array {
        global $DB;
        $server = $DB->get_record('local_schooltool_peer', ['hostid' => $hostid]);
        return [
            'waiting' => self::waiting($hostid),
            'last_success' => (int) ($server->lastsuccess ?? 0),
            'last_error' => (string) ($server->lasterror ?? ''),
            'down_until' => (int) ($server->downuntil ?? 0),
            'position' => (int) ($server->position ?? 0),
            'mode' => function_exists('fastcgi_finish_request') ? 'at once' : 'each minute',
            'history' => history::is_on(),
            'moved' => self::is_moved(),
            'refused' => array_values($DB->get_records('local_schooltool_refused', ['hostid' => $hostid], 'id', '*', 0, 1000)),
        ];
    }

    /**
     * A server was heard of: it is up, whatever was before.
     *
     * @param int $hostid
     * @return void
     */
    public static function is_up(int $hostid): void {
        global $DB;
        $where = 'hostid = :hostid AND downuntil > 0';
        $DB->set_field_select('local_schooltool_peer', 'downuntil', 0, $where, ['hostid' => $hostid]);
        self::wake();
    }

    /**
     * Tell whether this Moodle stands at another address than when it was connected: perhaps it is a copy.
     *
     * @return bool also before anything was connected
     */
    public static function is_moved(): bool {
        global $CFG;
        return get_config('local_schooltool', 'wwwroot') !== $CFG->wwwroot;
    }

    /**
     * The servers that may be called now.
     *
     * @param int|null $hostid
     * @return \stdClass[] of local_schooltool_peer, with wwwroot
     */
    private static function servers(?int $hostid): array {
        global $CFG, $DB;
        if (empty($CFG->mnet_dispatcher_mode) || $CFG->mnet_dispatcher_mode !== 'strict') {
            return [];
        }
        $where = $hostid === null ? 'p.downuntil <= :now' : 'p.hostid = :hostid';
        $sql = "SELECT p.*, h.wwwroot FROM {local_schooltool_peer} p JOIN {mnet_host} h ON h.id = p.hostid
                 WHERE p.enabled = 1 AND h.deleted = 0 AND $where
              ORDER BY p.id";
        return array_values($DB->get_records_sql($sql, $hostid === null ? ['now' => time()] : ['hostid' => $hostid]));
    }

    /**
     * Tell whether something came in while this process had just sent the last.
     *
     * @return bool
     */
    private static function is_left(): bool {
        global $DB;
        if (history::is_behind()) {
            return true;
        }
        foreach (self::servers(null) as $server) {
            if ($DB->record_exists(outbox::TABLE, ['hostid' => $server->hostid])) {
                return true;
            }
        }
        return false;
    }

    /**
     * How many notes wait.
     *
     * @param int|null $hostid
     * @return int
     */
    private static function waiting(?int $hostid): int {
        global $DB;
        return $DB->count_records(outbox::TABLE, $hostid === null ? [] : ['hostid' => $hostid]);
    }

    /**
     * Send to one server until nothing waits, it fails, or time is up.
     *
     * @param \stdClass $server
     * @param float $until
     * @param bool $issoon
     * @param array $did
     * @return bool false when a call more would not be answered in time
     */
    private static function serve(\stdClass $server, float $until, bool $issoon, array &$did): bool {
        $most = $issoon ? self::FEW : self::MANY;
        $isbigger = false;
        while (($began = microtime(true)) < $until || ($isbigger && !$issoon)) {
            $isbigger = false;
            $batch = new batch($server);
            $rows = outbox::page((int) $server->hostid, $most);
            if (!$rows) {
                return true;
            }
            // Which ids are given twice is asked anew: a course may just have been copied.
            doubles::forget();
            $groups = notes::needed_first(notes::groups($rows));
            $page = new read\page($groups);
            foreach ($groups as $group) {
                if (in_array($group->kind, notes::WHOLES, true)) {
                    whole::expand($group->rows[0]);
                    $isbigger = true;
                } else {
                    $batch->add($group, $page);
                }
            }
            $seconds = $issoon ? (int) ceil($until - microtime(true)) : self::CALL_S;
            $connecting = $issoon ? self::CONNECT_SOON_S : self::CONNECT_S;
            // Where somebody waits for it, something goes each time, however long the reading took.
            $last = $issoon ? $until : max($until, microtime(true) + 1);
            $isgood = $batch->send(max(2, $seconds), $connecting, $last, $issoon);
            $did['sent'] += $batch->sent;
            $did['refused'] += $batch->refused;
            if (!$isgood) {
                return true;
            }
            if ($issoon) {
                $now = microtime(true);
                $most = rules::many(count($rows), $now - $began, $until - $now);
                if ($most === 0) {
                    return false;
                }
            }
        }
        return true;
    }

    /**
     * Drop notes that are there again later: while a server is away, or this Moodle is moved, they would only grow.
     *
     * @param int $hostid
     * @return void
     */
    private static function thin(int $hostid): void {
        global $DB;
        if ($DB->count_records(outbox::TABLE, ['hostid' => $hostid]) < self::CROWDED) {
            return;
        }
        $sql = 'SELECT DISTINCT o.id
                  FROM {' . outbox::TABLE . '} o
                  JOIN {' . outbox::TABLE . '} n ON n.kind = o.kind AND n.objectid = o.objectid
                       AND n.relatedid = o.relatedid AND n.hostid = o.hostid AND n.id > o.id
                 WHERE o.hostid = :hostid AND o.snapshot IS NULL AND n.snapshot IS NULL
                       AND (o.timecreated = 0 OR n.timecreated > 0)';
        $ids = array_keys($DB->get_records_sql($sql, ['hostid' => $hostid], 0, 10000));
        foreach (array_chunk($ids, 1000) as $some) {
            $DB->delete_records_list(outbox::TABLE, 'id', $some);
        }
    }
}
