<?php
// Attempts after a course was reset: numbers begin anew in Moodle, and go on on the other side.

require_once __DIR__ . '/school.php';

use local_schooltool\local\doubles;
use local_schooltool\local\outbox;
use local_schooltool\local\read;
use local_schooltool\local\recount;
use local_schooltool\observer;

/** An event of Moodle's, of which only its course is looked at. */
class happened extends stdClass {
}

/** Course 2 with quiz 1 and assignment 1; pupil 2 made three attempts at the one and two at the other. */
function begin_reset(): array {
    global $DB;
    school::begin();
    doubles::forget();
    $course = school::course('A');
    $anna = school::user('anna');
    $DB->insert_record('quiz', ['course' => $course, 'sumgrades' => 10, 'grade' => 100]);
    $DB->insert_record('assign', ['course' => $course, 'grade' => 100]);
    $items = [school::item($course, 'Quiz', ['itemmodule' => 'quiz']), school::item($course, 'Essay', ['itemmodule' => 'assign'])];
    attempted($anna, 3, 2);
    graded_in($items, $anna);
    return [$course, $anna, $items];
}

function graded_in(array $items, int $userid): void {
    foreach ($items as $item) {
        school::grade($item, $userid, 50);
    }
}

function attempted(int $userid, int $quiz, int $assign): void {
    global $DB;
    for ($n = 1; $n <= $quiz; $n++) {
        $DB->insert_record('quiz_attempts', ['quiz' => 1, 'userid' => $userid, 'attempt' => $n, 'sumgrades' => $n, 'timemodified' => 1000 + $n]);
    }
    for ($n = 0; $n < $assign; $n++) {
        $DB->insert_record('assign_grades', ['assignment' => 1, 'userid' => $userid, 'attemptnumber' => $n, 'grade' => 10, 'timemodified' => 1000]);
    }
}

function reset_course(int $course, string ...$emptied): void {
    global $DB;
    recount::begins($course);
    foreach ($emptied as $table) {
        $DB->delete_records($table);
    }
    recount::ends($course);
}

/** The numbers that are told of each item's attempts. */
function numbers(int $userid, array $items): array {
    return array_map(function ($item) use ($userid) {
        return array_column(read\grades::one($userid, $item), 'attempt_num');
    }, $items);
}

function test_attempts_after_a_reset_go_on_from_the_highest() {
    [$course, $anna, $items] = begin_reset();
    same([[1, 2, 3], [1, 2]], numbers($anna, $items));
    reset_course($course, 'quiz_attempts', 'assign_grades', 'grade_grades');
    same([[], []], numbers($anna, $items));
    attempted($anna, 1, 1);
    graded_in($items, $anna);
    same([[4], [3]], numbers($anna, $items));
    // And after another one.
    reset_course($course, 'quiz_attempts', 'assign_grades', 'grade_grades');
    attempted($anna, 2, 1);
    graded_in($items, $anna);
    same([[5, 6], [4]], numbers($anna, $items));
}

function test_a_reset_that_leaves_attempts_alone_changes_no_number() {
    global $DB;
    [$course, $anna, $items] = begin_reset();
    reset_course($course);
    reset_course($course, 'assign_grades');
    attempted($anna, 0, 1);
    same([[1, 2, 3], [3]], numbers($anna, $items));
    same(1, $DB->count_records(recount::TABLE));
}

function test_whoever_had_no_attempt_and_other_courses_begin_at_one() {
    global $DB;
    [$course, $anna, $items] = begin_reset();
    $bert = school::user('bert');
    $other = school::course('B');
    $DB->insert_record('quiz', ['course' => $other, 'sumgrades' => 10, 'grade' => 100]);
    $theirs = school::item($other, 'Quiz', ['itemmodule' => 'quiz', 'iteminstance' => 2]);
    $DB->insert_record('quiz_attempts', ['quiz' => 2, 'userid' => $anna, 'attempt' => 1, 'sumgrades' => 1, 'timemodified' => 1000]);
    recount::begins($course);
    $DB->delete_records('quiz_attempts', ['quiz' => 1]);
    recount::ends($course);
    attempted($bert, 1, 0);
    graded_in([$items[0], $theirs], $bert);
    school::grade($theirs, $anna, 5);
    same([[1], []], numbers($bert, [$items[0], $theirs]));
    same([[1]], numbers($anna, [$theirs]));
}

function test_a_reset_that_never_began_here_or_a_site_without_quizzes() {
    global $DB;
    [$course, $anna, $items] = begin_reset();
    recount::ends($course);
    $DB->run('DROP TABLE quiz_attempts');
    reset_course($course, 'assign_grades');
    same(['assign'], $DB->get_fieldset_select(recount::TABLE, 'module', '1 = 1'));
}

function test_moodles_own_events_of_a_reset_lead_to_it() {
    global $DB;
    [$course, $anna, $items] = begin_reset();
    class_alias(happened::class, 'core\\event\\base');
    $event = new happened();
    $event->courseid = $course;
    set_config('version', 1, 'local_schooltool');
    $DB->insert_record('local_schooltool_peer', ['hostid' => 5]);
    outbox::forget_peers();
    observer::reset_started($event);
    $DB->delete_records('quiz_attempts');
    observer::reset_ended($event);
    same(['3'], $DB->get_fieldset_select(recount::TABLE, 'counted', '1 = 1'));
    // A grade that goes with a reset is taken back by nobody.
    same(0, $DB->count_records(outbox::TABLE));
}

function test_nothing_is_kept_of_who_and_what_is_deleted() {
    global $DB;
    [$course, $anna] = begin_reset();
    $bert = school::user('bert');
    attempted($bert, 1, 1);
    reset_course($course, 'quiz_attempts', 'assign_grades');
    same(4, $DB->count_records(recount::TABLE));
    recount::user_goes($anna);
    same(2, $DB->count_records(recount::TABLE));
    recount::activity_goes('quiz', 1);
    same(['assign'], $DB->get_fieldset_select(recount::TABLE, 'module', '1 = 1'));
    recount::course_goes($course + 1);
    same(1, $DB->count_records(recount::TABLE));
    recount::course_goes($course);
    same(0, $DB->count_records(recount::TABLE));
}
