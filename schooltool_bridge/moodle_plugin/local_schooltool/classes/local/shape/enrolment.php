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

namespace local_schooltool\local\shape;

/**
 * From enrolments and roles to the structs of new_enrolment: one for each person, course and role. Pure.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class enrolment {
    /** @var string[] what the archetypes of Moodle's roles are on the other side */
    const ROLES = ['student' => 'student', 'teacher' => 'teacher', 'editingteacher' => 'teacher'];

    /**
     * What somebody is in a course.
     *
     * @param \stdClass $user with id, suspended, timemodified
     * @param \stdClass $course with id, timecreated
     * @param string $userid the id under which the user is told of
     * @param string $sectionid the id under which the course is told of
     * @param \stdClass[] $enrolments each with status, timestart, timeend, timecreated, timemodified of
     *     {user_enrolments}, and enrolstatus, enroltimemodified of {enrol}
     * @param \stdClass[] $roles each with archetype, above (whether it is given above the course), timemodified
     * @return array[]
     */
    public static function structs(
        \stdClass $user,
        \stdClass $course,
        string $userid,
        string $sectionid,
        array $enrolments,
        array $roles
    ): array {
        $told = [];
        foreach (['student', 'teacher'] as $role) {
            $given = array_filter($roles, function ($one) use ($role) {
                return (self::ROLES[$one->archetype] ?? '') === $role;
            });
            // Whoever may only look in without being enrolled is no student there; a teacher is one.
            if ($given && ($enrolments || $role === 'teacher')) {
                $place = self::place($user, $course, $role, $enrolments, $given);
                $told[] = ['sectionid' => $sectionid, 'userid' => $userid, 'role' => $role] + $place + [
                    'sectionmoodleid' => (string) $course->id,
                    'usermoodleid' => (string) $user->id,
                ];
            }
        }
        return $told;
    }

    /**
     * Status and times of one role: several enrolments are one here.
     *
     * @param \stdClass $user
     * @param \stdClass $course
     * @param string $role
     * @param \stdClass[] $enrolments
     * @param \stdClass[] $given
     * @return array
     */
    private static function place(
        \stdClass $user,
        \stdClass $course,
        string $role,
        array $enrolments,
        array $given
    ): array {
        $active = array_filter($enrolments, function ($one) {
            return $one->status == 0 && $one->enrolstatus == 0;
        });
        $above = array_filter($given, function ($one) {
            return $one->above;
        });
        // A teacher by a role of the category stays one, whatever becomes of an enrolment.
        $byrole = $role === 'teacher' && ($above || !$enrolments);
        $issuspended = $user->suspended || (!$byrole && !$active);
        $starts = $ends = [];
        if ($byrole) {
            $begun = array_column(array_map('get_object_vars', $above ?: $given), 'timemodified');
            $starts[] = max((int) $course->timecreated, (int) min($begun));
            $ends[] = 0;
        }
        foreach ($enrolments as $one) {
            $starts[] = (int) ($one->timestart ?: $one->timecreated);
        }
        // One that is suspended lets nobody in any longer, so its end (or that it has none) says nothing.
        foreach ($active ?: $enrolments as $one) {
            $ends[] = (int) $one->timeend;
        }
        return [
            'status' => $issuspended ? 'suspended' : 'active',
            'timestart' => min($starts),
            'timeend' => in_array(0, $ends, true) ? 0 : max($ends),
            'timemodified' => self::modified($user, $enrolments, $given, $issuspended),
        ];
    }

    /**
     * When this came to be so: the newest of all that it was read from.
     *
     * Where the user or a whole way of enrolling may have been suspended before, their own time counts
     * too: else "active again" would be older than the suspension that it ends.
     *
     * @param \stdClass $user
     * @param \stdClass[] $enrolments
     * @param \stdClass[] $given
     * @param bool $issuspended
     * @return int
     */
    private static function modified(\stdClass $user, array $enrolments, array $given, bool $issuspended): int {
        $times = $user->suspended || !$issuspended ? [$user->timemodified] : [];
        foreach ($enrolments as $one) {
            $times[] = $one->timemodified;
            if (!$issuspended || $one->enrolstatus != 0) {
                $times[] = $one->enroltimemodified;
            }
        }
        foreach ($given as $one) {
            $times[] = $one->timemodified;
        }
        return (int) max($times);
    }
}
