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
 * The notes of the outbox: which kinds there are, and which of them are one. Pure.
 *
 * A note says that something changed, not what: that is read when it is sent. Only of what is gone by
 * then it has a snapshot: `events` (the events themselves), or `ended` (which role somebody lost).
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class notes {
    /** A user: objectid is the user's. */
    const USER = 'user';
    /** A course: objectid is the course's. */
    const SECTION = 'section';
    /** Somebody in a course: objectid is the user's, relatedid the course's. */
    const ENROLMENT = 'enrolment';
    /** A grade item: objectid is the item's. */
    const ASSESSMENT = 'assessment';
    /** Somebody's grade: objectid is the item's, relatedid the user's. */
    const GRADE = 'grade';

    /** Everything there is; becomes notes of all of it. */
    const EVERYTHING = 'everything';
    /** All of a course. */
    const COURSE = 'course';
    /** All courses below a category. */
    const CATEGORY = 'category';
    /** Everybody of one way of enrolling: objectid is of {enrol}. */
    const INSTANCE = 'instance';
    /** All that somebody is enrolled in. */
    const PLACES = 'places';
    /** All courses below a context, for one user: objectid is the user's, relatedid the context's. */
    const ROLES = 'roles';

    /** @var string[] kinds that become other notes before anything is sent */
    const WHOLES = [
        self::EVERYTHING, self::COURSE, self::CATEGORY, self::INSTANCE, self::PLACES, self::ROLES,
    ];

    /**
     * Put together what is about one thing: it is read and sent once.
     *
     * A group stands where its first note stood, since what came later may need it. Snapshots of whole
     * events, and what becomes other notes, stay alone.
     *
     * @param \stdClass[] $rows of the outbox, in the order of their ids
     * @return \stdClass[] each with kind, objectid, relatedid, rows, seq (the highest id), noted (the latest time)
     */
    public static function groups(array $rows): array {
        $groups = [];
        foreach ($rows as $row) {
            $key = self::is_plain($row) ? "$row->kind/$row->objectid/$row->relatedid" : 'row/' . $row->id;
            if (!isset($groups[$key])) {
                $groups[$key] = (object) [
                    'kind' => $row->kind,
                    'objectid' => (int) $row->objectid,
                    'relatedid' => (int) $row->relatedid,
                    'rows' => [],
                    'seq' => 0,
                    'noted' => 0,
                ];
            }
            $groups[$key]->rows[] = $row;
            $groups[$key]->seq = max($groups[$key]->seq, (int) $row->id);
            $groups[$key]->noted = max($groups[$key]->noted, (int) $row->timecreated);
        }
        return array_values($groups);
    }

    /**
     * People first, then courses: who is in one needs both, and many of a kind in a row are applied together.
     *
     * Nothing moves across a snapshot of events or what becomes other notes.
     *
     * @param \stdClass[] $groups
     * @return \stdClass[]
     */
    public static function needed_first(array $groups): array {
        $ordered = [];
        $people = $courses = $others = [];
        foreach ($groups as $group) {
            if (!self::is_plain($group->rows[0])) {
                $ordered = array_merge($ordered, $people, $courses, $others, [$group]);
                $people = $courses = $others = [];
            } else if ($group->kind === self::USER) {
                $people[] = $group;
            } else if ($group->kind === self::SECTION) {
                $courses[] = $group;
            } else {
                $others[] = $group;
            }
        }
        return array_merge($ordered, $people, $courses, $others);
    }

    /**
     * Tell whether a note may be put together with others of the same thing.
     *
     * @param \stdClass $row
     * @return bool
     */
    public static function is_plain(\stdClass $row): bool {
        return !in_array($row->kind, self::WHOLES, true) && !isset(self::snapshot($row)['events']);
    }

    /**
     * What a note kept.
     *
     * @param \stdClass $row
     * @return array empty for a note without a snapshot
     */
    public static function snapshot(\stdClass $row): array {
        $kept = empty($row->snapshot) ? null : json_decode($row->snapshot, true);
        return is_array($kept) ? $kept : [];
    }

    /**
     * The ids of the rows of a group.
     *
     * @param \stdClass $group
     * @return int[]
     */
    public static function ids(\stdClass $group): array {
        return array_map(function ($row) {
            return (int) $row->id;
        }, $group->rows);
    }
}
