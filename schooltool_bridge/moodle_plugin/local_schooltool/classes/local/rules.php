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
 * What is said of what changed: decisions that need neither Moodle nor its database. Pure.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class rules {
    /** @var string[] kinds of grade items that are told of; the others are totals */
    const ITEMS = ['mod', 'manual'];

    /** As in {grade_grades_history}.action: a row was deleted. */
    const DELETED = 3;

    /**
     * @var string[] why grades go without a person taking them back: somebody left, a course or an
     *     activity was deleted or reset
     */
    const NOBODYS_WORD = ['userdelete', 'coursedelete', 'moddelete', 'moduninstall', 'reset', 'restore', 'system'];

    /** The grade is to be read and sent. */
    const TELL = 'tell';
    /** A person took the grade back. */
    const TAKEN_BACK = 'taken back';
    /** Nothing is said of it. */
    const NOTHING = '';

    /** Seconds until the scheduled task may try what a page had too little time for. */
    const SOON_WAIT = 30;
    /** Seconds of the first wait, and of the longest. */
    const FIRST_WAIT = 60;
    /** Seconds. */
    const LONGEST_WAIT = 3600;

    /**
     * What a row of the history of grades means.
     *
     * @param \stdClass $row with action, source, finalgrade, excluded; and itemtype of its item, null when that is gone
     * @param bool $isreset whether its course was being reset just then
     * @return string TELL, TAKEN_BACK or NOTHING
     */
    public static function graded(\stdClass $row, bool $isreset): string {
        if (!in_array($row->itemtype, self::ITEMS, true)) {
            return self::NOTHING;
        }
        $isempty = $row->finalgrade === null && empty($row->excluded);
        if ($row->action == self::DELETED) {
            $isnobodys = $isreset || $isempty || in_array((string) $row->source, self::NOBODYS_WORD, true);
            return $isnobodys ? self::NOTHING : self::TAKEN_BACK;
        }
        return $isreset && $isempty ? self::NOTHING : self::TELL;
    }

    /**
     * What a row of the history of grade items means. Deletions are told by their event.
     *
     * @param \stdClass $row with action, itemtype
     * @return string TELL or NOTHING
     */
    public static function item(\stdClass $row): string {
        $is = in_array($row->itemtype, self::ITEMS, true) && $row->action != self::DELETED;
        return $is ? self::TELL : self::NOTHING;
    }

    /**
     * What is said of somebody in a course, by all notes about it that wait.
     *
     * Where somebody is now, only that is said. A role that was lost is ended; when the notes tell that
     * it was given only after the last sending, that comes first: the other side may never have heard.
     *
     * @param array[] $now structs of new_enrolment
     * @param \stdClass[] $rows of the outbox, about this person in this course
     * @param string $userid the id under which the user is told of
     * @param string $sectionid the id under which the course is told of
     * @param string[] $own Moodle's own ids of both, as fields
     * @return array[] each a name, data and the row's id (seq)
     */
    public static function enrolment(array $now, array $rows, string $userid, string $sectionid, array $own = []): array {
        $events = [];
        $seq = max(array_map(function ($row) {
            return (int) $row->id;
        }, $rows));
        $noted = max(array_map(function ($row) {
            return (int) $row->timecreated;
        }, $rows));
        foreach ($now as $struct) {
            $struct['timemodified'] = max((int) $struct['timemodified'], $noted);
            $events[] = ['new_enrolment', $struct, $seq];
        }
        $roles = array_column($now, 'role');
        $lost = [];
        foreach ($rows as $row) {
            $role = notes::snapshot($row)['ended']['role'] ?? '';
            if ($role !== '' && !in_array($role, $roles, true)) {
                $lost[$role] = $role;
            }
        }
        foreach ($lost as $role) {
            $data = ['sectionid' => $sectionid, 'userid' => $userid, 'role' => $role] + $own;
            $events = array_merge($events, self::lost($data, $rows));
        }
        return $events;
    }

    /**
     * How a role that somebody has no longer came and went.
     *
     * @param array $data sectionid, userid, role
     * @param \stdClass[] $rows
     * @return array[]
     */
    private static function lost(array $data, array $rows): array {
        $story = [];
        $before = '';
        foreach ($rows as $row) {
            $kept = notes::snapshot($row);
            if (isset($kept['ended'])) {
                $step = $kept['ended']['role'] === $data['role'] ? 'end_enrolment' : '';
            } else {
                $step = $row->timecreated > 0 ? 'new_enrolment' : '';
            }
            if ($step !== '' && $step !== $before) {
                $more = ['timemodified' => (int) $row->timecreated];
                $more += $step === 'new_enrolment' ? ['status' => 'active'] : [];
                $story[] = [$step, $data + $more, (int) $row->id];
                $before = $step;
            }
        }
        // What is noted after the end says nothing of this role: nobody has it now.
        return $before === 'end_enrolment' ? $story : array_slice($story, 0, -1);
    }

    /**
     * Grades with the time of the change that is told of: only the attempt that counts changed then.
     *
     * @param array[] $structs of new_grade, one for each attempt
     * @param int $noted when it changed; 0 when that is not known
     * @return array[]
     */
    public static function dated(array $structs, int $noted): array {
        $newest = null;
        foreach ($structs as $key => $struct) {
            if ($newest === null || ($struct['attempt_num'] ?? 0) >= ($structs[$newest]['attempt_num'] ?? 0)) {
                $newest = $key;
            }
        }
        if ($newest !== null) {
            $structs[$newest]['timemodified'] = max((int) ($structs[$newest]['timemodified'] ?? 0), $noted);
        }
        return $structs;
    }

    /**
     * How many notes a page sends next, while its worker is kept by it: as many as go in half of the time left,
     * and never fewer than went, since of few a call's own cost hides the pace.
     *
     * @param int $last how many it sent last
     * @param float $took seconds
     * @param float $left seconds
     * @return int up to sender::MANY; 0 when as many again would not be answered in time, which would look
     *     as if the server were away
     */
    public static function many(int $last, float $took, float $left): int {
        if ($took > $left) {
            return 0;
        }
        $fit = $last / max($took, 0.01) * $left;
        return (int) max(1, $last, min(sender::MANY, $fit / 2));
    }

    /**
     * How long a server is left alone that could not be reached.
     *
     * @param int $failures how often in a row, from 1 on
     * @return int seconds
     */
    public static function wait(int $failures): int {
        return (int) min(self::LONGEST_WAIT, self::FIRST_WAIT * (2 ** min(max($failures, 1) - 1, 10)));
    }
}
