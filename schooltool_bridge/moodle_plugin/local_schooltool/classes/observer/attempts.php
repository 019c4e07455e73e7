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

namespace local_schooltool\observer;

use core\event\base;
use local_schooltool\local\notes;
use local_schooltool\local\outbox;
use local_schooltool\local\recount;
use local_schooltool\local\scope;
use local_schooltool\local\watch;

/**
 * Notes what becomes of attempts, which the gradebook does not know.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class attempts {
    /**
     * A person deleted a quiz attempt. On the other side the highest number counts, so it has to hear of it.
     *
     * @param base $event
     * @return void
     */
    public static function deleted(base $event): void {
        watch::quietly(function () use ($event) {
            global $DB;
            $attempt = $event->get_record_snapshot('quiz_attempts', $event->objectid);
            // What was not finished or not graded was never told of.
            if ($attempt->state !== 'finished' || $attempt->sumgrades === null || watch::is_going($event->courseid)) {
                return;
            }
            $item = ['courseid' => $event->courseid, 'itemtype' => 'mod', 'itemmodule' => 'quiz',
                'iteminstance' => $attempt->quiz, 'itemnumber' => 0];
            $itemid = (int) $DB->get_field('grade_items', 'id', $item);
            $user = $DB->get_record('user', ['id' => $attempt->userid]);
            if ($itemid && $user && scope::has_user($user) && scope::has_course(get_course($event->courseid))) {
                $before = recount::of('quiz', [$attempt->quiz])[$attempt->quiz][$user->id] ?? 0;
                $number = $before + (int) $attempt->attempt;
                $data = ['assessmentid' => "#$itemid", 'userid' => "#$user->id", 'attempt_num' => $number,
                    'timemodified' => time()];
                $thing = [$itemid, (int) $user->id];
                outbox::note(notes::GRADE, $thing, ['events' => [['delete_grade', $data]]]);
                // Another one has what the gradebook says now, also where that stayed as it was.
                outbox::note(notes::GRADE, $thing);
            }
        });
    }
}
