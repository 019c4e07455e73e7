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
 * What is to be told to our servers: one row for each server, written in Moodle's own transaction.
 *
 * Rows of the same thing are put together when they are sent (notes::groups), not when they are noted:
 * whoever noted less because a row was there could lose a change, were that row just being sent.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class outbox {
    /** The table. */
    const TABLE = 'local_schooltool_outbox';
    /** Ids further down among which there is looked for the same things again. */
    const FURTHER = 2000;
    /** Seconds for which a process believes to know the servers. */
    const PEERS_S = 30;

    /** @var int[]|null the servers' mnet_host.id */
    private static $peers = null;
    /** @var int when they were read */
    private static $read = 0;

    /**
     * Note that something changed, for every server. Never throws, never sends.
     *
     * @param string $kind one of notes
     * @param int[] $ids the object's, and a related one's
     * @param array|null $snapshot what cannot be read any more when it is sent
     * @param int|null $time when it happened, now for null; 0 for what may have happened long ago
     * @return void
     */
    public static function note(string $kind, array $ids, ?array $snapshot = null, ?int $time = null): void {
        try {
            self::add([[$kind, $ids[0], $ids[1] ?? 0, $snapshot, $time ?? time()]]);
            sender::wake();
        } catch (\Throwable $e) {
            self::complain($e);
        }
    }

    /**
     * Note everything there is, for one server: the first transfer, and "send everything again".
     *
     * @param int $hostid
     * @return void
     */
    public static function note_everything(int $hostid): void {
        global $DB;
        self::forget_peers();
        $DB->insert_record(self::TABLE, self::row($hostid, [notes::EVERYTHING, $hostid, 0, null, time()]));
        sender::wake();
    }

    /**
     * Add notes for every server.
     *
     * @param array[] $notes each kind, objectid, relatedid, snapshot (array or null), time
     * @return void
     */
    public static function add(array $notes): void {
        global $DB;
        $rows = [];
        foreach ($notes as $note) {
            foreach (self::peers() as $hostid) {
                $rows[] = self::row($hostid, $note);
            }
        }
        if (count($rows) === 1) {
            $DB->insert_record(self::TABLE, $rows[0], false);
        } else if ($rows) {
            $DB->insert_records(self::TABLE, $rows);
        }
    }

    /**
     * The next notes for a server, with those further down that are of the same things: read once, told once.
     *
     * @param int $hostid
     * @param int $most how many, without the latter
     * @return \stdClass[] in the order of their ids
     */
    public static function page(int $hostid, int $most): array {
        global $DB;
        $rows = array_values($DB->get_records(self::TABLE, ['hostid' => $hostid], 'id', '*', 0, $most));
        if (count($rows) < $most) {
            return $rows;
        }
        $last = (int) end($rows)->id;
        // A course becomes its parts while it can be seen which of them wait already.
        $where = 'hostid = :hostid AND kind = :kind AND id > :last AND id <= :upto';
        $params = ['hostid' => $hostid, 'kind' => notes::COURSE, 'last' => $last, 'upto' => $last + self::FURTHER];
        array_map([whole::class, 'expand'], $DB->get_records_select(self::TABLE, $where, $params, 'id'));
        $sql = 'SELECT o.*
                  FROM {' . self::TABLE . '} o
                 WHERE o.hostid = :host1 AND o.id > :last1 AND o.id <= :upto AND EXISTS
                       (SELECT 1 FROM {' . self::TABLE . '} n
                         WHERE n.kind = o.kind AND n.objectid = o.objectid AND n.relatedid = o.relatedid
                               AND n.hostid = :host2 AND n.id >= :first AND n.id <= :last2)
              ORDER BY o.id';
        $params = ['host1' => $hostid, 'host2' => $hostid, 'first' => (int) $rows[0]->id, 'last1' => $last, 'last2' => $last,
            'upto' => $last + self::FURTHER];
        return array_merge($rows, array_filter(array_values($DB->get_records_sql($sql, $params)), [notes::class, 'is_plain']));
    }

    /**
     * The servers that are told, also those that are switched off for now.
     *
     * @return int[] their mnet_host.id; none as long as nothing is connected
     */
    public static function peers(): array {
        global $DB;
        if (self::$peers === null || time() - self::$read > self::PEERS_S) {
            self::$peers = array_map('intval', $DB->get_fieldset_select('local_schooltool_peer', 'hostid', '1 = 1'));
            self::$read = time();
        }
        return self::$peers;
    }

    /**
     * Ask anew which servers there are, at the next note.
     *
     * @return void
     */
    public static function forget_peers(): void {
        self::$peers = null;
    }

    /**
     * Say in the log of the web server what went wrong, and let the page go on.
     *
     * @param \Throwable $e
     * @return void
     */
    public static function complain(\Throwable $e): void {
        // phpcs:ignore moodle.PHP.ForbiddenFunctions.FoundWithAlternative
        error_log('local_schooltool: ' . get_class($e) . ': ' . $e->getMessage()
            . ' at ' . $e->getFile() . ':' . $e->getLine());
    }

    /**
     * A row of the table.
     *
     * @param int $hostid
     * @param array $note kind, objectid, relatedid, snapshot, time
     * @return \stdClass
     */
    private static function row(int $hostid, array $note): \stdClass {
        return (object) [
            'hostid' => $hostid,
            'kind' => $note[0],
            'objectid' => (int) $note[1],
            'relatedid' => (int) $note[2],
            'snapshot' => $note[3] === null ? null : json_encode($note[3], JSON_UNESCAPED_UNICODE),
            'timecreated' => (int) $note[4],
        ];
    }
}
