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

namespace local_schooltool\local\read;

use local_schooltool\local\scope;
use local_schooltool\local\shape;

/**
 * Who is in which course as what, as new_enrolment takes it.
 *
 * Read by course, then by person: several enrolments and roles are one thing on the other side.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class enrolments {
    /** @var int courses that are looked up at once */
    const COURSES = 100;

    /**
     * What somebody is in a course.
     *
     * @param int $userid
     * @param int $courseid
     * @return array[] structs of new_enrolment, one for each role (student, teacher)
     */
    public static function one(int $userid, int $courseid): array {
        return self::some([[$userid, $courseid]])["$userid/$courseid"] ?? [];
    }

    /**
     * What some people are in some courses.
     *
     * @param array[] $pairs each userid, courseid
     * @return array by "userid/courseid": a list of structs
     */
    public static function some(array $pairs): array {
        global $DB;
        $users = [];
        foreach ($pairs as [$userid, $courseid]) {
            $users[$courseid][] = $userid;
        }
        [$in, $params] = $DB->get_in_or_equal(array_keys($users), SQL_PARAMS_NAMED, 'some');
        $found = [];
        foreach (self::courses("c.id $in", $params, count($users)) as $course) {
            $theirs = $users[$course->id];
            [$these, $params] = $DB->get_in_or_equal($theirs, SQL_PARAMS_NAMED, 'some');
            foreach (self::people($course, "u.id $these", $params, count($theirs)) as $userid => $structs) {
                $found["$userid/$course->id"] = $structs;
            }
        }
        return $found;
    }

    /**
     * What somebody is in all courses.
     *
     * @param int $userid
     * @return array[] structs of new_enrolment
     */
    public static function of_user(int $userid): array {
        global $DB;
        $sql = "SELECT DISTINCT e.courseid
                  FROM {user_enrolments} ue
                  JOIN {enrol} e ON e.id = ue.enrolid
                 WHERE ue.userid = :userid";
        $ids = $DB->get_fieldset_sql($sql, ['userid' => $userid]);
        // As a teacher by a role: in that course, or in all courses of that category.
        $sql = "SELECT DISTINCT c.id
                  FROM {role_assignments} ra
                  JOIN {role} ro ON ro.id = ra.roleid
                  JOIN {context} given ON given.id = ra.contextid
                  JOIN {context} ctx ON ctx.contextlevel = :level AND (ctx.id = given.id OR ctx.path LIKE "
                . $DB->sql_concat('given.path', "'/%'") . ")
                  JOIN {course} c ON c.id = ctx.instanceid
                 WHERE ra.userid = :userid AND ro.archetype IN ('editingteacher', 'teacher')";
        $taught = $DB->get_fieldset_sql($sql, ['level' => CONTEXT_COURSE, 'userid' => $userid]);
        $ids = array_unique(array_merge($ids, $taught));
        sort($ids);
        $found = [];
        foreach ($ids as $id) {
            $found = array_merge($found, self::one($userid, (int) $id));
        }
        return $found;
    }

    /**
     * The highest id of a course.
     *
     * @return int
     */
    public static function upper(): int {
        return sections::upper();
    }

    /**
     * How many there may be.
     *
     * @param int $upper
     * @return int
     */
    public static function guess(int $upper): int {
        global $DB;
        $sql = 'SELECT COUNT(1) FROM {user_enrolments} ue JOIN {enrol} e ON e.id = ue.enrolid WHERE e.courseid <= ?';
        return $DB->count_records_sql($sql, [$upper]);
    }

    /**
     * Read a page.
     *
     * @param string $at what was sent last: "course:user:n", n structs of that user there
     * @param int $upper the highest id of a course
     * @param int $limit how many structs at most
     * @param float $until when to stop, by microtime
     * @return array structs, and what was sent last; null for that at the end
     */
    public static function page(string $at, int $upper, int $limit, float $until): array {
        [$courseid, $userid, $skip] = array_map('intval', explode(':', $at . ':0:0'));
        $found = [];
        do {
            $where = 'c.id >= :from AND c.id <= :upto';
            $courses = self::courses($where, ['from' => $courseid, 'upto' => $upper], self::COURSES);
            foreach ($courses as $course) {
                if ($course->id != $courseid) {
                    [$courseid, $userid, $skip] = [(int) $course->id, 0, 0];
                }
                do {
                    $want = $limit - count($found);
                    if ($want === 0 || microtime(true) > $until) {
                        return [$found, "$courseid:$userid:$skip"];
                    }
                    $after = ['after' => $skip ? $userid - 1 : $userid];
                    $people = self::people($course, 'u.id > :after', $after, $want);
                    foreach ($people as $id => $structs) {
                        $done = $id == $userid ? $skip : 0;
                        foreach (array_slice($structs, $done) as $struct) {
                            if (count($found) === $limit) {
                                return [$found, $done ? "$courseid:$id:$done" : "$courseid:$userid:0"];
                            }
                            $found[] = $struct;
                            $done++;
                        }
                        [$userid, $skip] = [$id, 0];
                    }
                    $skip = 0;
                } while (count($people) === $want);
            }
            $ismore = count($courses) === self::COURSES;
            if ($ismore) {
                [$courseid, $userid] = [$courseid + 1, 0];
            }
        } while ($ismore);
        return [$found, null];
    }

    /**
     * Read courses that belong to what is sent.
     *
     * @param string $where
     * @param array $params
     * @param int $limit
     * @return \stdClass[] by id
     */
    private static function courses(string $where, array $params, int $limit): array {
        global $DB;
        [$belongs, $more] = scope::course_sql('c');
        $sql = "SELECT c.id, c.idnumber, c.shortname, c.timecreated
                  FROM {course} c
                 WHERE $where AND $belongs
              ORDER BY c.id";
        return $DB->get_records_sql($sql, $params + $more, 0, $limit);
    }

    /**
     * Read who is in a course as what.
     *
     * @param \stdClass $course
     * @param string $where a condition on u (the user)
     * @param array $params
     * @param int $limit how many users at most
     * @return array by id of the user, which grows: a list of structs (none for who has no role)
     */
    private static function people(\stdClass $course, string $where, array $params, int $limit): array {
        global $DB;
        $context = \context_course::instance($course->id, IGNORE_MISSING);
        if (!$context) {
            return [];
        }
        $above = $context->get_parent_context_ids(true);
        [$contexts, $incontexts] = $DB->get_in_or_equal($above, SQL_PARAMS_NAMED, 'ctx');
        [$belongs, $more] = scope::user_sql('u');
        $sql = "SELECT u.id, u.idnumber, u.username, u.email, u.suspended, u.timemodified
                  FROM {user} u
                  JOIN (SELECT ue.userid
                          FROM {user_enrolments} ue
                          JOIN {enrol} e ON e.id = ue.enrolid
                         WHERE e.courseid = :courseid
                         UNION
                        SELECT ra.userid
                          FROM {role_assignments} ra
                          JOIN {role} ro ON ro.id = ra.roleid
                         WHERE ra.contextid $contexts AND ro.archetype IN ('editingteacher', 'teacher')
                       ) there ON there.userid = u.id
                 WHERE $where AND $belongs
              ORDER BY u.id";
        $params += ['courseid' => $course->id] + $incontexts + $more;
        $users = $DB->get_records_sql($sql, $params, 0, $limit);
        if (!$users) {
            return [];
        }
        $enrolments = self::enrolled($course->id, array_keys($users));
        $roles = self::roles($context->id, $above, array_keys($users));
        $sectionid = sections::id($course);
        return array_map(function ($user) use ($course, $sectionid, $enrolments, $roles) {
            $theirs = $enrolments[$user->id] ?? [];
            return shape\enrolment::structs($user, $course, users::id($user), $sectionid, $theirs, $roles[$user->id] ?? []);
        }, $users);
    }

    /**
     * Read the enrolments of some users in a course.
     *
     * @param int|string $courseid
     * @param int[] $userids
     * @return array by user
     */
    private static function enrolled($courseid, array $userids): array {
        global $DB;
        [$in, $params] = $DB->get_in_or_equal($userids, SQL_PARAMS_NAMED, 'user');
        $sql = "SELECT ue.id, ue.userid, ue.status, ue.timestart, ue.timeend, ue.timecreated, ue.timemodified,
                       e.status AS enrolstatus, e.timemodified AS enroltimemodified
                  FROM {user_enrolments} ue
                  JOIN {enrol} e ON e.id = ue.enrolid
                 WHERE e.courseid = :courseid AND ue.userid $in";
        return self::by_user($DB->get_records_sql($sql, $params + ['courseid' => $courseid]));
    }

    /**
     * Read the roles that make some users students or teachers in a course.
     *
     * @param int $own the id of the course's context
     * @param int[] $contextids those of what is above it as well
     * @param int[] $userids
     * @return array by user
     */
    private static function roles(int $own, array $contextids, array $userids): array {
        global $DB;
        [$in, $params] = $DB->get_in_or_equal($userids, SQL_PARAMS_NAMED, 'user');
        [$contexts, $more] = $DB->get_in_or_equal($contextids, SQL_PARAMS_NAMED, 'ctx');
        $sql = "SELECT ra.id, ra.userid, ra.timemodified, ro.archetype,
                       CASE WHEN ra.contextid = :own THEN 0 ELSE 1 END AS above
                  FROM {role_assignments} ra
                  JOIN {role} ro ON ro.id = ra.roleid
                 WHERE ra.contextid $contexts AND ra.userid $in AND ro.archetype IN ('student', 'editingteacher', 'teacher')";
        return self::by_user($DB->get_records_sql($sql, $params + $more + ['own' => $own]));
    }

    /**
     * Sort rows by their user.
     *
     * @param \stdClass[] $rows
     * @return array
     */
    private static function by_user(array $rows): array {
        $found = [];
        foreach ($rows as $row) {
            $found[$row->userid][] = $row;
        }
        return $found;
    }
}
