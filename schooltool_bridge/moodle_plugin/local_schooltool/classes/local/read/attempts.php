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

use local_schooltool\local\recount;
use local_schooltool\local\shape\points;

/**
 * Attempts, which the gradebook does not know: of quizzes and assignments.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class attempts {
    /**
     * The attempts behind some grades.
     *
     * @param \stdClass[] $grades by id; with userid and the columns of their items
     * @return array by id of the grade, then by number (from 1): points, timemodified
     */
    public static function of(array $grades): array {
        $wanted = [];
        foreach ($grades as $id => $grade) {
            if (isset(recount::SOURCES[(string) $grade->itemmodule]) && $grade->itemnumber == 0) {
                $wanted[$grade->itemmodule][$grade->iteminstance][$grade->userid] = $id;
            }
        }
        // A course that was reset counts them anew.
        $before = array_map(function ($module) use ($wanted) {
            return recount::of($module, array_keys($wanted[$module]));
        }, array_combine(array_keys($wanted), array_keys($wanted)));
        $found = [];
        foreach (self::quizzes($wanted['quiz'] ?? []) as $row) {
            $id = $wanted['quiz'][$row->instance][$row->userid] ?? null;
            if ($id !== null) {
                // Some questions may still wait to be graded.
                $own = $row->own === null ? null : points::of_raw($row->own, $row->ownmost, $grades[$id]);
                $number = (int) $row->number + ($before['quiz'][$row->instance][$row->userid] ?? 0);
                $found[$id][$number] = ['points' => $own, 'timemodified' => (int) $row->timemodified];
            }
        }
        foreach (self::assignments($wanted['assign'] ?? []) as $row) {
            $id = $wanted['assign'][$row->instance][$row->userid] ?? null;
            if ($id !== null) {
                $isgraded = $row->own !== null && $row->own >= 0;
                $own = $isgraded ? points::of_raw($row->own, $row->ownmost, $grades[$id]) : null;
                // Counted from 0 there.
                $number = $row->number + 1 + ($before['assign'][$row->instance][$row->userid] ?? 0);
                $found[$id][$number] = ['points' => $own, 'timemodified' => (int) $row->timemodified];
            }
        }
        return $found;
    }

    /**
     * Finished attempts of quizzes; previews of teachers are none.
     *
     * @param array $wanted by quiz, then by user
     * @return iterable
     */
    private static function quizzes(array $wanted): iterable {
        $sql = "SELECT qa.id, qa.quiz AS instance, qa.userid, qa.attempt AS number, qa.sumgrades AS own,
                       q.sumgrades AS ownmost, qa.timemodified
                  FROM {quiz_attempts} qa
                  JOIN {quiz} q ON q.id = qa.quiz
                 WHERE qa.state = 'finished' AND qa.preview = 0 AND q.sumgrades > 0 AND qa.quiz ";
        return self::rows('quiz_attempts', $sql, 'qa.userid', $wanted);
    }

    /**
     * Attempts at assignments.
     *
     * Where grades are held back (marking workflow) or pupils are unknown (blind marking), only the
     * gradebook says what may be seen.
     *
     * @param array $wanted by assignment, then by user
     * @return iterable
     */
    private static function assignments(array $wanted): iterable {
        $sql = "SELECT ag.id, ag.assignment AS instance, ag.userid, ag.attemptnumber AS number, ag.grade AS own,
                       a.grade AS ownmost, ag.timemodified
                  FROM {assign_grades} ag
                  JOIN {assign} a ON a.id = ag.assignment
                 WHERE a.markingworkflow = 0 AND (a.blindmarking = 0 OR a.revealidentities = 1) AND ag.assignment ";
        return self::rows('assign_grades', $sql, 'ag.userid', $wanted);
    }

    /**
     * Read rows of some instances and some users; none where the activity is not installed.
     *
     * @param string $table
     * @param string $sql up to the condition on the instance
     * @param string $user column
     * @param array $wanted by instance, then by user
     * @return iterable
     */
    private static function rows(string $table, string $sql, string $user, array $wanted): iterable {
        global $DB;
        if (!$wanted || !$DB->get_manager()->table_exists($table)) {
            return [];
        }
        [$instances, $params] = $DB->get_in_or_equal(array_keys($wanted), SQL_PARAMS_NAMED, 'instance');
        $userids = array_keys(array_replace(...array_values($wanted)));
        [$users, $more] = $DB->get_in_or_equal($userids, SQL_PARAMS_NAMED, 'user');
        return $DB->get_recordset_sql("$sql $instances AND $user $users", $params + $more);
    }
}
