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
 * Before something goes: what waits of it is read now, since it cannot be read when it is sent.
 *
 * So that what happened while a server was away is there afterwards as if it had never been.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class settle {
    /**
     * A user is to be deleted.
     *
     * @param int $userid
     * @return void
     */
    public static function user(int $userid): void {
        self::rows(
            '(kind IN (:k1, :k2) AND objectid = :u1) OR (kind = :k3 AND relatedid = :u2)',
            ['k1' => notes::USER, 'k2' => notes::ENROLMENT, 'u1' => $userid, 'k3' => notes::GRADE, 'u2' => $userid]
        );
        self::unread('grades', 'h.userid = :userid', ['userid' => $userid]);
    }

    /**
     * A course is to be deleted or reset.
     *
     * @param int $courseid
     * @return void
     */
    public static function course(int $courseid): void {
        global $DB;
        $whole = ['kind' => notes::COURSE, 'objectid' => $courseid];
        foreach ($DB->get_records(outbox::TABLE, $whole, 'id') as $row) {
            whole::expand($row);
        }
        self::rows(
            '(kind = :k1 AND objectid = :c1) OR (kind = :k2 AND relatedid = :c2)
                OR (kind IN (:k3, :k4) AND objectid IN (SELECT gi.id FROM {grade_items} gi WHERE gi.courseid = :c3))',
            [
                'k1' => notes::SECTION, 'c1' => $courseid, 'k2' => notes::ENROLMENT, 'c2' => $courseid,
                'k3' => notes::ASSESSMENT, 'k4' => notes::GRADE, 'c3' => $courseid,
            ]
        );
        foreach (['items', 'grades'] as $source) {
            self::unread($source, 'gi.courseid = :courseid', ['courseid' => $courseid]);
        }
    }

    /**
     * Grade items are to be deleted.
     *
     * @param int[] $itemids
     * @return void
     */
    public static function items(array $itemids): void {
        global $DB;
        if (!$itemids) {
            return;
        }
        [$in, $params] = $DB->get_in_or_equal($itemids, SQL_PARAMS_NAMED, 'item');
        $kinds = ['k1' => notes::ASSESSMENT, 'k2' => notes::GRADE];
        self::rows("kind IN (:k1, :k2) AND objectid $in", $kinds + $params);
        self::unread('items', "h.oldid $in", $params);
        self::unread('grades', "h.itemid $in", $params);
    }

    /**
     * A grade was just deleted: what waits of it is told as it was.
     *
     * @param \stdClass $grade what its row was
     * @return void
     */
    public static function grade(\stdClass $grade): void {
        $where = 'h.itemid = :itemid AND h.userid = :userid';
        $params = ['itemid' => $grade->itemid, 'userid' => $grade->userid];
        $ids = [notes::GRADE, (int) $grade->itemid, (int) $grade->userid];
        self::last($ids, history::unread('grades', $where, $params), function ($noted) use ($grade) {
            return array_map(function ($struct) {
                return ['new_grade', $struct];
            }, rules::dated(read\grades::last($grade), $noted));
        });
    }

    /**
     * A grade item was just deleted: what waits of it is told as it was.
     *
     * @param \stdClass $item what its row was
     * @return void
     */
    public static function item(\stdClass $item): void {
        $unread = history::unread('items', 'h.oldid = :itemid', ['itemid' => $item->id]);
        self::last([notes::ASSESSMENT, (int) $item->id, 0], $unread, function ($noted) use ($item) {
            $struct = read\assessments::last($item);
            return $struct ? [['new_assessment', ['timemodified' => $noted] + $struct]] : [];
        });
    }

    /**
     * Put what something was in the place of what waits of it.
     *
     * @param array $ids kind, objectid, relatedid
     * @param \stdClass[] $unread rows of its history
     * @param callable $read gives its events, with the time of its last change
     * @return void
     */
    private static function last(array $ids, array $unread, callable $read): void {
        global $DB;
        $where = 'kind = :kind AND objectid = :objectid AND relatedid = :relatedid AND snapshot IS NULL';
        $thing = ['kind' => $ids[0], 'objectid' => $ids[1], 'relatedid' => $ids[2]];
        $waiting = $DB->get_records_select(outbox::TABLE, $where, $thing, 'id');
        if (!$waiting && !$unread) {
            return;
        }
        $noted = 0;
        foreach (array_merge(array_values($waiting), array_values($unread)) as $row) {
            $noted = max($noted, (int) ($row->timecreated ?? $row->timemodified));
        }
        $events = array_filter($read($noted), function ($event) {
            return scope::sends(events::SETTING[$event[0]]);
        });
        if ($events) {
            outbox::add([[$ids[0], $ids[1], $ids[2], ['events' => array_values($events)], $noted]]);
        }
        $DB->delete_records_list(outbox::TABLE, 'id', array_keys($waiting));
        history::took($ids[0] === notes::GRADE ? 'grades' : 'items', array_keys($unread));
    }

    /**
     * Read what waits.
     *
     * @param string $where of the outbox
     * @param array $params
     * @return void
     */
    private static function rows(string $where, array $params): void {
        global $DB;
        $byhost = [];
        foreach ($DB->get_records_select(outbox::TABLE, $where, $params, 'id') as $row) {
            $byhost[$row->hostid][] = $row;
        }
        foreach ($byhost as $rows) {
            foreach (notes::groups($rows) as $group) {
                self::keep($group);
            }
        }
    }

    /**
     * Keep in the first of some notes what is read of them now; the others are done.
     *
     * @param \stdClass $group
     * @return void
     */
    private static function keep(\stdClass $group): void {
        global $DB;
        if (!notes::is_plain($group->rows[0])) {
            return;
        }
        if ($events = self::read($group)) {
            $kept = json_encode(['events' => $events], JSON_UNESCAPED_UNICODE);
            $DB->set_field(outbox::TABLE, 'snapshot', $kept, ['id' => $group->rows[0]->id]);
            array_shift($group->rows);
        }
        if ($group->rows) {
            $DB->delete_records_list(outbox::TABLE, 'id', notes::ids($group));
        }
    }

    /**
     * Note with its values what a history has and nobody took from it yet.
     *
     * @param string $source
     * @param string $where of history::unread
     * @param array $params
     * @return void
     */
    private static function unread(string $source, string $where, array $params): void {
        $kind = $source === 'grades' ? notes::GRADE : notes::ASSESSMENT;
        $rows = history::unread($source, $where, $params);
        $things = [];
        foreach ($rows as $row) {
            $related = (int) ($row->userid ?? 0);
            $key = "$row->itemid/$related";
            $noted = max($things[$key]->noted ?? 0, (int) $row->timemodified);
            $things[$key] = (object) [
                'kind' => $kind, 'objectid' => (int) $row->itemid, 'relatedid' => $related,
                'rows' => [(object) ['snapshot' => null]], 'seq' => 0, 'noted' => $noted,
            ];
        }
        foreach ($things as $thing) {
            if ($events = self::read($thing)) {
                outbox::add([[$kind, $thing->objectid, $thing->relatedid, ['events' => $events], $thing->noted]]);
            }
        }
        history::took($source, array_keys($rows));
    }

    /**
     * The events of a group, as a snapshot keeps them.
     *
     * @param \stdClass $group
     * @return array[] each a name and data
     */
    private static function read(\stdClass $group): array {
        return array_map(function ($event) {
            return [$event[0], $event[1]];
        }, events::of($group));
    }
}
