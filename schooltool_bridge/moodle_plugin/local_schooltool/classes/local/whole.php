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
 * Notes of something whole (everything, a course, a category ...) become notes of all that belongs to it.
 *
 * By the database itself, so that a hundred thousand cost seconds and no memory.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class whole {
    /** Enrolments: x with userid, courseid. */
    const ENROLLED = 'SELECT ue.userid, e.courseid FROM {user_enrolments} ue JOIN {enrol} e ON e.id = ue.enrolid';

    /**
     * Put notes of all that belongs to it in the place of a note.
     *
     * @param \stdClass $row of the outbox, with a kind of notes::WHOLES
     * @return void
     */
    public static function expand(\stdClass $row): void {
        global $DB;
        $transaction = $DB->start_delegated_transaction();
        switch ($row->kind) {
            case notes::EVERYTHING:
                self::parts($row, '', [], 0);
                break;
            case notes::COURSE:
                self::parts($row, 'c.id = :courseid', ['courseid' => $row->objectid], (int) $row->timecreated);
                break;
            case notes::CATEGORY:
                self::category($row);
                break;
            case notes::INSTANCE:
                $sql = self::ENROLLED . ' WHERE e.id = :instance';
                self::insert($row, notes::ENROLMENT, 'userid', 'courseid', $sql, ['instance' => $row->objectid]);
                break;
            case notes::PLACES:
                $sql = self::ENROLLED . ' WHERE ue.userid = :user1 UNION ' . self::taught() . ' AND ra.userid = :user2';
                $params = ['user1' => $row->objectid, 'user2' => $row->objectid];
                self::insert($row, notes::ENROLMENT, 'userid', 'courseid', $sql, $params);
                break;
            case notes::ROLES:
                self::below($row);
                break;
        }
        $DB->delete_records(outbox::TABLE, ['id' => $row->id]);
        $transaction->allow_commit();
    }

    /**
     * People, sections, enrolments, assessments, grades: in the order in which they need each other.
     *
     * The time is the section's, and the gradebook's where Moodle keeps no history: what a restore brings
     * there has its own time otherwise, as people and enrolments have. Of a course, these are left out where
     * a note of them waits already, as of all whom a restore enrolled: what it leads to is read later still.
     *
     * @param \stdClass $row
     * @param string $where about c (the course); empty for everything
     * @param array $params
     * @param int $time
     * @return void
     */
    private static function parts(\stdClass $row, string $where, array $params, int $time): void {
        $row = clone $row;
        $row->timecreated = 0;
        $dated = clone $row;
        $dated->timecreated = $time;
        $gradebook = history::is_on() ? $row : $dated;
        [$user, $userparams] = scope::user_sql('u');
        [$course, $courseparams] = scope::course_sql('c');
        $course .= $where === '' ? '' : " AND $where";
        $courseparams += $params;
        $enrolled = 'SELECT x.userid, x.courseid FROM (' . self::ENROLLED . ' UNION ' . self::taught() . ") x
               JOIN {user} u ON u.id = x.userid JOIN {course} c ON c.id = x.courseid WHERE $user AND $course";
        $items = "FROM {grade_items} gi JOIN {course} c ON c.id = gi.courseid";
        $both = $userparams + $courseparams;

        $people = $where === '' ? "SELECT u.id, 0 AS nobody FROM {user} u WHERE $user"
            : "SELECT DISTINCT y.userid AS id, 0 AS nobody FROM ($enrolled) y";
        self::insert($row, notes::USER, 'id', 'nobody', $people, $where === '' ? $userparams : $both, $where !== '');
        $sections = "SELECT c.id, 0 AS nobody FROM {course} c WHERE $course";
        self::insert($dated, notes::SECTION, 'id', 'nobody', $sections, $courseparams);
        self::insert($row, notes::ENROLMENT, 'userid', 'courseid', $enrolled, $both, $where !== '');
        $assessments = "SELECT gi.id, 0 AS nobody $items WHERE gi.itemtype IN ('mod', 'manual') AND $course";
        self::insert($gradebook, notes::ASSESSMENT, 'id', 'nobody', $assessments, $courseparams);
        $grades = "SELECT gg.itemid, gg.userid $items
                     JOIN {grade_grades} gg ON gg.itemid = gi.id
                     JOIN {user} u ON u.id = gg.userid
                    WHERE gi.itemtype IN ('mod', 'manual') AND (gg.finalgrade IS NOT NULL OR gg.excluded <> 0)
                      AND $user AND $course";
        self::insert($gradebook, notes::GRADE, 'itemid', 'userid', $grades, $both);
    }

    /**
     * Those who teach a course by a role in it or above it. A condition on ra may follow.
     *
     * @return string
     */
    private static function taught(): string {
        global $DB;
        $below = 'cc.path LIKE ' . $DB->sql_concat('rc.path', "'/%'");
        return "SELECT ra.userid, cc.instanceid AS courseid
                  FROM {role_assignments} ra
                  JOIN {role} r ON r.id = ra.roleid AND r.archetype IN ('teacher', 'editingteacher')
                  JOIN {context} rc ON rc.id = ra.contextid
                  JOIN {context} cc ON cc.contextlevel = " . CONTEXT_COURSE . " AND (cc.id = rc.id OR $below)
                 WHERE rc.contextlevel IN (" . CONTEXT_SYSTEM . ', ' . CONTEXT_COURSECAT . ', ' . CONTEXT_COURSE . ')';
    }

    /**
     * All courses below a category.
     *
     * @param \stdClass $row
     * @return void
     */
    private static function category(\stdClass $row): void {
        global $DB;
        $path = (string) $DB->get_field('course_categories', 'path', ['id' => $row->objectid]);
        $sql = 'SELECT c.id, 0 AS nobody FROM {course} c JOIN {course_categories} cat ON cat.id = c.category
                 WHERE cat.id = :category OR ' . $DB->sql_like('cat.path', ':path');
        $params = ['category' => $row->objectid, 'path' => $DB->sql_like_escape($path) . '/%'];
        self::insert($row, notes::COURSE, 'id', 'nobody', $sql, $params);
    }

    /**
     * One user in all courses below a context, where a role was given or taken.
     *
     * @param \stdClass $row
     * @return void
     */
    private static function below(\stdClass $row): void {
        global $DB;
        $path = $DB->get_field('context', 'path', ['id' => $row->relatedid]);
        if ($path === false) {
            return;
        }
        [$course, $params] = scope::course_sql('c');
        $sql = 'SELECT ' . (int) $row->objectid . " AS userid, c.id AS courseid
                  FROM {course} c JOIN {context} cc ON cc.instanceid = c.id AND cc.contextlevel = " . CONTEXT_COURSE . "
                 WHERE $course AND " . $DB->sql_like('cc.path', ':path');
        $params['path'] = $DB->sql_like_escape($path) . '/%';
        self::insert($row, notes::ENROLMENT, 'userid', 'courseid', $sql, $params);
    }

    /**
     * Add notes for the server that a note is for, with its snapshot and time.
     *
     * @param \stdClass $row
     * @param string $kind
     * @param string $object the column of the object's id
     * @param string $related the column of the related id
     * @param string $sql what selects them
     * @param array $params
     * @param bool $isonce whether it is left out where a note of the same, without a snapshot, waits
     * @return void
     */
    private static function insert(
        \stdClass $row,
        string $kind,
        string $object,
        string $related,
        string $sql,
        array $params,
        bool $isonce = false
    ): void {
        global $DB;
        $unless = !$isonce ? '' : ' WHERE NOT EXISTS (SELECT 1 FROM {' . outbox::TABLE . "} w
            WHERE w.kind = '$kind' AND w.objectid = z.$object AND w.relatedid = z.$related
                  AND w.hostid = " . (int) $row->hostid . ' AND w.snapshot IS NULL)';
        $DB->execute(
            'INSERT INTO {' . outbox::TABLE . '} (hostid, kind, objectid, relatedid, timecreated, snapshot)
             SELECT ' . (int) $row->hostid . ", '$kind', z.$object, z.$related, " . (int) $row->timecreated . ",
                    o.snapshot
               FROM ($sql) z JOIN {" . outbox::TABLE . "} o ON o.id = :noteid$unless
           ORDER BY z.$related, z.$object",
            $params + ['noteid' => $row->id]
        );
    }
}
