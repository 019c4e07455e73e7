<?php
// Who and what is told of, read from a database by the plugin's own SQL.

require_once __DIR__ . '/school.php';

use local_schooltool\local\doubles;
use local_schooltool\local\read;
use local_schooltool\local\scope;

function begin(): void {
    school::begin();
    doubles::forget();
}

function test_whoever_is_not_one_of_this_moodles_people_is_left_out() {
    global $DB;
    begin();
    $anna = school::user('anna', ['idnumber' => '7']);
    $others = [
        1, // The guest.
        school::user('remote', ['mnethostid' => 2]),
        school::user('gone', ['deleted' => 1]),
        school::user('new', ['confirmed' => 0]),
    ];
    same('7', read\users::one($anna)['idnumber']);
    $course = school::course('A');
    $item = school::item($course, 'Quiz');
    foreach ($others as $id) {
        same(null, read\users::one($id));
        holds(!scope::has_user($DB->get_record('user', ['id' => $id])));
        school::student($id, $course);
        school::grade($item, $id, 5);
        same([], read\enrolments::one($id, $course));
        same([], read\grades::one($id, $item));
    }
    holds(scope::has_user($DB->get_record('user', ['id' => $anna])));
    set_config('userauths', 'ldap,oauth2', 'local_schooltool');
    same(null, read\users::one($anna));
    holds(!scope::has_user($DB->get_record('user', ['id' => $anna])));
    $DB->set_field('user', 'auth', 'ldap', ['id' => $anna]);
    same('anna', read\users::one($anna)['username']);
    holds(scope::has_user($DB->get_record('user', ['id' => $anna])));
}

function test_categories_with_what_is_below_them() {
    global $DB;
    begin();
    foreach (['/2', '/2/3', '/2/3/4', '/22'] as $path) {
        $DB->insert_record('course_categories', ['path' => $path]);
    }
    $courses = [1 => school::course('1'), 2 => school::course('2', ['category' => 2]), 4 => school::course('4', ['category' => 4]),
        5 => school::course('5', ['category' => 5])];
    $told = function () use ($courses, $DB) {
        foreach ($courses as $id) {
            same(read\sections::one($id) !== null, scope::has_course($DB->get_record('course', ['id' => $id])), "course $id");
        }
        return array_keys(array_filter(array_map([read\sections::class, 'one'], $courses)));
    };
    same([1, 2, 4, 5], $told());
    set_config('categories', '2', 'local_schooltool');
    same([2, 4], $told());
    set_config('categories', '1,4', 'local_schooltool');
    same([1, 4], $told());
    same(null, read\sections::one(1), 'the front page');
    holds(!scope::has_course((object) ['id' => 1, 'category' => 0]));
}

function test_the_scope_has_another_name_when_something_else_is_sent() {
    $names = [scope::name()];
    foreach (['categories' => '3,2', 'userauths' => 'ldap', 'idnumberfallback' => 'username', 'courseidnumberfallback' => 'shortname',
            'scales' => 'skip', 'minimum' => 'skip'] as $name => $value) {
        set_config($name, $value, 'local_schooltool');
        $names[] = scope::name();
    }
    same(count($names), count(array_unique($names)));
    set_config('categories', ' 2, 3', 'local_schooltool');
    same(end($names), scope::name(), 'the same in another order:');
}

function test_an_id_that_two_have_is_the_first_ones() {
    begin();
    $first = school::user('anna', ['idnumber' => '7A']);
    $second = school::user('bert', ['idnumber' => '7a']);
    school::user('gone', ['idnumber' => '7a', 'deleted' => 1]);
    $course = school::course('A', ['idnumber' => 'ALG']);
    $item = school::item($course, 'Quiz', ['idnumber' => 'Q1']);
    $copied = school::item(school::course('B'), 'Quiz', ['idnumber' => 'Q1']);
    foreach ([$first => '7A', $second => "#$second"] as $user => $told) {
        school::student($user, $course);
        school::grade($item, $user, 5);
        same($told, read\enrolments::one($user, $course)[0]['userid']);
        same($told, read\grades::one($user, $item)[0]['userid']);
    }
    // Told under what it has: there a person decides.
    same('7a', read\users::one($second)['idnumber']);
    same(['Q1', "#$copied"], [read\assessments::one($item)['idnumber'], read\assessments::one($copied)['idnumber']]);
    same('ALG', read\assessments::one($item)['sectionid']);
}

function test_what_had_an_id_second_keeps_its_own_when_the_first_goes() {
    global $DB;
    begin();
    $first = school::user('anna', ['idnumber' => '7']);
    $second = school::user('bert', ['idnumber' => '7']);
    [$course, $copy] = [school::course('A'), school::course('B')];
    $item = school::item($course, 'Quiz', ['idnumber' => 'Q1']);
    $copied = school::item($copy, 'Quiz', ['idnumber' => 'Q1']);
    school::grade($copied, $second, 5);
    foreach ([1, 2] as $once) {
        doubles::user_goes($DB->get_record('user', ['id' => $first]));
        doubles::course_goes($course);
    }
    same(2, $DB->count_records('local_schooltool_known'));
    $DB->delete_records('grade_items', ['id' => $item]);
    $DB->set_field('user', 'deleted', 1, ['id' => $first]);
    $told = read\grades::one($second, $copied)[0];
    same(["#$copied", "#$second"], [$told['assessmentid'], $told['userid']]);
    same("#$copied", read\assessments::one($copied)['idnumber']);
    // One that comes later is the copy's double.
    $later = school::item(school::course('C'), 'Quiz', ['idnumber' => 'Q1']);
    doubles::forget();
    same("#$later", read\assessments::one($later)['idnumber']);
}

function test_what_stands_for_a_missing_idnumber_is_no_other_ones_idnumber() {
    begin();
    set_config('idnumberfallback', 'username', 'local_schooltool');
    set_config('courseidnumberfallback', 'shortname', 'local_schooltool');
    $first = school::user('x', ['idnumber' => 'anna']);
    $second = school::user('anna');
    $third = school::user('carl');
    $course = school::course('ALG1');
    foreach ([$first => 'anna', $second => "#$second", $third => 'carl'] as $user => $told) {
        school::student($user, $course);
        same([['ALG1', $told]], array_map(function ($one) {
            return [$one['sectionid'], $one['userid']];
        }, read\enrolments::one($user, $course)));
    }
}

function test_whom_the_other_side_means() {
    begin();
    $anna = school::user('anna', ['idnumber' => '7']);
    $bert = school::user('bert');
    $find = function ($idnumber, $username) {
        $found = read\users::find($idnumber, $username);
        return $found ? (int) $found->id : null;
    };
    same([$anna, $anna, $bert, $bert, $bert], [$find('7', ''), $find('7', 'bert'), $find('', 'bert'), $find("#$bert", 'anna'), $find('9', 'bert')]);
    // The user name was given to somebody else since.
    same([null, null, null, null], [$find('9', 'anna'), $find('9', ''), $find('', 'guest'), $find('#1', '')]);
    set_config('idnumberfallback', 'username', 'local_schooltool');
    same($bert, $find('bert', ''));
    same(null, $find('anna', ''));
}

function test_a_teacher_by_a_role_above_the_course() {
    global $DB;
    begin();
    $head = school::user('head', ['idnumber' => 'H']);
    $course = school::course('A', ['timecreated' => 1500]);
    same([], read\enrolments::one($head, $course));
    $DB->insert_record('role_assignments', ['roleid' => 2, 'contextid' => 2, 'userid' => $head]);
    $told = ['sectionid' => "#$course", 'userid' => 'H', 'role' => 'teacher', 'status' => 'active', 'timestart' => 1500, 'timeend' => 0,
        'timemodified' => 1000, 'sectionmoodleid' => "$course", 'usermoodleid' => "$head"];
    same([$told], read\enrolments::one($head, $course));
    $other = school::course('B');
    same([$course, $other], array_map(function ($one) {
        return (int) substr($one['sectionid'], 1);
    }, read\enrolments::of_user($head)));
    school::student($head, $other);
    same(['#' . $course . ' teacher', "#$other student", "#$other teacher"], array_map(function ($one) {
        return "{$one['sectionid']} {$one['role']}";
    }, read\enrolments::of_user($head)));
}

function test_a_section_tells_its_dates_where_it_has_any() {
    begin();
    $course = school::course('A');
    same([], array_intersect_key(read\sections::one($course), ['startdate' => 1, 'enddate' => 1]));
    $told = read\sections::one(school::course('B', ['startdate' => 1500, 'enddate' => 2500]));
    same([1500, 2500], [$told['startdate'], $told['enddate']]);
}

function test_a_section_names_its_first_teacher() {
    begin();
    $course = school::course('A', ['idnumber' => 'ALG']);
    same(false, isset(read\sections::one($course)['teacheridnumber']));
    school::role(school::user('assistant', ['idnumber' => 'T1']), 1, $course);
    same('T1', read\sections::one($course)['teacheridnumber']);
    school::role($first = school::user('first', ['idnumber' => 'T2']), 2, $course);
    school::role(school::user('second', ['idnumber' => 'T3']), 2, $course);
    school::role(school::user('remote', ['idnumber' => 'T4', 'mnethostid' => 2]), 2, $course);
    same(['name' => 'A', 'idnumber' => 'ALG', 'moodleid' => "$course", 'timemodified' => 1000, 'teacheridnumber' => 'T2',
        'teachermoodleid' => "$first"],
        read\sections::one($course));
}

function test_items_without_points_are_left_out_as_the_settings_say() {
    begin();
    $course = school::course('A');
    $kinds = [
        'number' => [], 'scale' => ['gradetype' => 2, 'grademin' => 1, 'grademax' => 4], 'minimum' => ['grademin' => 10],
        'manual' => ['itemtype' => 'manual', 'itemmodule' => null], 'total' => ['itemtype' => 'course'],
        'category' => ['itemtype' => 'category'], 'text' => ['gradetype' => 3], 'none' => ['gradetype' => 0], 'outcome' => ['outcomeid' => 4],
    ];
    $ids = array_map(function ($more) use ($course) {
        return school::item($course, 'x', $more);
    }, $kinds);
    $user = school::user('anna');
    array_map(function ($id) use ($user) {
        school::grade($id, $user, 3);
    }, $ids);
    foreach ([[[], 'number,scale,minimum,manual'], [['scales' => 'skip'], 'number,minimum,manual'], [['minimum' => 'skip'], 'number,scale,manual']] as [$set, $told]) {
        settings::$of['local_schooltool'] = $set;
        $items = array_filter(array_map([read\assessments::class, 'one'], $ids));
        same($told, implode(',', array_keys($items)));
        same($told, implode(',', array_keys(array_filter(array_map(function ($id) use ($user) {
            return read\grades::one($user, $id);
        }, $ids)))));
    }
    settings::$of = [];
    same([3, 2], [read\assessments::one($ids['scale'])['pointval'], read\grades::one($user, $ids['scale'])[0]['points_earned']]);
}

function test_attempts_of_quizzes_and_assignments() {
    global $DB;
    begin();
    $course = school::course('A');
    $anna = school::user('anna');
    $quiz = $DB->insert_record('quiz', ['sumgrades' => 20, 'grade' => 10]);
    $item = school::item($course, 'Quiz', ['itemmodule' => 'quiz', 'iteminstance' => $quiz, 'grademax' => 10]);
    school::grade($item, $anna, 9);
    $attempts = [[1, 18, 'finished', 0], [2, 14, 'finished', 0], [3, null, 'inprogress', 0], [1, 20, 'finished', 1]];
    foreach ($attempts as [$number, $points, $state, $preview]) {
        $DB->insert_record('quiz_attempts', ['quiz' => $quiz, 'userid' => $anna, 'attempt' => $number, 'sumgrades' => $points,
            'state' => $state, 'preview' => $preview, 'timemodified' => 100 * $number]);
    }
    $told = function ($item) use ($anna) {
        return array_map(function ($one) {
            return [$one['attempt_num'] ?? 0, $one['points_earned'], $one['timemodified']];
        }, read\grades::one($anna, $item));
    };
    same([[1, 9, 100], [2, 9, 2000]], $told($item));
    $assign = $DB->insert_record('assign', ['grade' => 50]);
    $item = school::item($course, 'Essay', ['itemmodule' => 'assign', 'iteminstance' => $assign, 'grademax' => 50]);
    school::grade($item, $anna, 40);
    foreach ([30, 40, -1] as $number => $points) {
        $DB->insert_record('assign_grades', ['assignment' => $assign, 'userid' => $anna, 'attemptnumber' => $number, 'grade' => $points,
            'timemodified' => 300]);
    }
    same([[1, 30, 300], [2, 40, 2000]], $told($item));
    // What is not released yet is nobody's business.
    $DB->set_field('assign', 'markingworkflow', 1, ['id' => $assign]);
    same([[0, 40, 2000]], $told($item));
    $DB->update_record('assign', ['id' => $assign, 'markingworkflow' => 0, 'blindmarking' => 1]);
    same([[0, 40, 2000]], $told($item));
    $DB->run('DROP TABLE {quiz_attempts}');
    $DB->set_field('assign', 'revealidentities', 1, ['id' => $assign]);
    same(2, count($told($item)));
}

function test_excused_hidden_and_no_longer() {
    global $DB;
    begin();
    $course = school::course('A');
    $anna = school::user('anna');
    $item = school::item($course, 'Quiz', ['hidden' => 1]);
    $grade = school::grade($item, $anna, 9, ['excluded' => 3000, 'hidden' => 1900000000]);
    $told = read\grades::one($anna, $item)[0];
    same([true, 1900000000, 3000, 1], [$told['excepted'], $told['hidden'], $told['timemodified'], read\assessments::one($item)['hidden']]);
    $DB->update_record('grade_grades', ['id' => $grade, 'excluded' => 0, 'hidden' => 0]);
    foreach ([[2000, 0, 0], [3000, 3000, 1900000000], [4000, 0, 0], [5000, 0, 0]] as [$time, $excluded, $hidden]) {
        $DB->insert_record('grade_grades_history', ['oldid' => $grade, 'timemodified' => $time, 'finalgrade' => 9, 'excluded' => $excluded,
            'hidden' => $hidden]);
    }
    $told = read\grades::one($anna, $item)[0];
    same([false, 0, 4000], [$told['excepted'], $told['hidden'], $told['timemodified']]);
}

function test_an_item_is_as_old_as_its_name_and_points() {
    global $DB;
    begin();
    $item = school::item(school::course('A'), 'Quiz', ['timemodified' => 9000]);
    foreach ([[1000, 'Quix'], [2000, 'Quiz'], [8000, 'Quiz']] as [$time, $name]) {
        $DB->insert_record('grade_items_history', ['oldid' => $item, 'timemodified' => $time, 'courseid' => 2, 'categoryid' => 1,
            'itemname' => $name, 'gradetype' => 1, 'grademin' => 0, 'grademax' => 100]);
    }
    same(2000, read\assessments::one($item)['timemodified']);
    $DB->set_field('grade_items', 'grademax', 50, ['id' => $item]);
    same(9000, read\assessments::one($item)['timemodified'], 'not in the history:');
}

function test_an_excuse_is_nothing_that_was_at_the_time_of_an_earlier_attempt() {
    global $DB;
    begin();
    $anna = school::user('anna');
    $quiz = $DB->insert_record('quiz', ['sumgrades' => 10, 'grade' => 10]);
    $item = school::item(school::course('A'), 'Quiz', ['itemmodule' => 'quiz', 'iteminstance' => $quiz, 'grademax' => 10]);
    school::grade($item, $anna, 9, ['excluded' => 3000]);
    foreach ([1 => 5, 2 => 9] as $number => $points) {
        $DB->insert_record('quiz_attempts', ['quiz' => $quiz, 'userid' => $anna, 'attempt' => $number, 'sumgrades' => $points,
            'state' => 'finished', 'preview' => 0, 'timemodified' => 100 * $number]);
    }
    same([[1, false, 100], [2, true, 3000]], array_map(function ($one) {
        return [$one['attempt_num'], $one['excepted'], $one['timemodified']];
    }, read\grades::one($anna, $item)));
}

function test_where_no_history_is_kept_hiding_counts_from_when_it_was_seen() {
    global $CFG, $DB;
    begin();
    $CFG->disablegradehistory = 1;
    $anna = school::user('anna');
    $item = school::item(school::course('A'), 'Quiz');
    $grade = school::grade($item, $anna, 9);
    $told = function () use ($anna, $item) {
        return array_map(function ($one) {
            $when = $one['timemodified'] > time() - 60 ? 'seen' : $one['timemodified'];
            return [$one['excepted'], $one['hidden'] ?? null, $when];
        }, read\grades::one($anna, $item));
    };
    $change = function (array $how) use ($grade) {
        global $DB;
        $DB->update_record('grade_grades', ['id' => $grade] + $how);
    };
    $kept = function (int $time) {
        global $DB;
        $DB->set_field_select('local_schooltool_known', 'timetaken', $time, "source LIKE 'noticed/%'", []);
    };
    same([[false, 0, 2000]], $told());
    $change(['hidden' => 1]);
    same([[false, null, 2000], [false, 1, 'seen']], $told());
    $kept(2500);
    same([[false, null, 2000], [false, 1, 2500]], $told(), 'the same each time:');
    $change(['hidden' => 0, 'excluded' => 2600]);
    same('seen', $told()[1][2] ?? null, 'shown again, and excused:');
    $kept(2700);
    $change(['excluded' => 0]);
    same([[true, null, 2000], [false, 0, 'seen']], $told(), 'no longer excused:');
    $kept(2800);
    $change(['finalgrade' => 10, 'timemodified' => 2900]);
    same([[false, 0, 2900]], $told(), 'graded again:');
    $change(['excluded' => 3000]);
    same([[true, 0, 3000]], $told(), 'an excuse has its time:');
    $CFG->disablegradehistory = 0;
}
