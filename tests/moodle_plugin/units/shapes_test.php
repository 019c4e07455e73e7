<?php
// From Moodle's rows to the structs of RULES 1.3: no database.

use local_schooltool\local\cursor;
use local_schooltool\local\ids;
use local_schooltool\local\shape;
use local_schooltool\local\text;

function test_text_is_what_xml_can_carry() {
    same("a\tb\nc", text::clean("a\t\x00\x01b\x0B\n\x1Fc\u{FFFE}"));
    same('Ōquist – Ünï 😀', text::clean('Ōquist – Ünï 😀'));
    same("a&amp;<b>\u{FFFD}", text::clean("a&amp;<b>\xC3"));
    same('One line', text::line("  One\r\nline\t"));
}

function test_ids_are_the_schools_own_or_moodles() {
    $user = (object) ['id' => '42', 'idnumber' => '', 'username' => 'anna', 'email' => 'a@x'];
    same('#42', ids::user($user, 'none'));
    same('anna', ids::user($user, 'username'));
    same('a@x', ids::user($user, 'email'));
    $user->idnumber = ' 987 ';
    same('987', ids::user($user, 'username'));
    same('#42', ids::user($user, 'username', true));
    $user->idnumber = '#7';
    same('#42', ids::user($user, 'none'), 'an idnumber that looks like somebody else:');
    same('#3', ids::course((object) ['id' => 3, 'idnumber' => null, 'shortname' => 'ALG'], 'none'));
    same('ALG', ids::course((object) ['id' => 3, 'idnumber' => '', 'shortname' => 'ALG'], 'shortname'));
    same('#5', ids::item((object) ['id' => 5, 'idnumber' => null]));
}

function test_a_user() {
    $user = (object) ['id' => '42', 'username' => 'anna', 'firstname' => " An\x02na", 'lastname' => '', 'email' => '',
        'password' => '$2y$10$' . str_repeat('a', 53), 'timecreated' => '5', 'timemodified' => '0'];
    $told = ['username' => 'anna', 'firstname' => 'Anna', 'lastname' => '-', 'idnumber' => '7', 'email' => '', 'moodleid' => '42',
        'timemodified' => 5];
    same($told, shape\user::struct($user, '7', false));
    $hash = ['password_hash' => $user->password, 'password_hash_algorithm' => 'bcrypt'];
    same($told + $hash, shape\user::struct($user, '7', true));
    $user->password = 'not cached';
    same($told, shape\user::struct($user, '7', true));
    $user->password = '$6$rounds=10000$abcdefgh$' . str_repeat('z', 86);
    same('sha512crypt', shape\user::struct($user, '7', true)['password_hash_algorithm']);
}

function test_points_count_from_zero() {
    $item = (object) ['itemtype' => 'mod', 'gradetype' => '1', 'grademin' => '0.00000', 'grademax' => '68.00000', 'outcomeid' => null,
        'multfactor' => '1.00000', 'plusfactor' => '0.00000'];
    same([68, 62, 62.33333, null], [shape\points::most($item), shape\points::of('62.00000', $item),
        shape\points::of('62.333333', $item), shape\points::of(null, $item)]);
    same(34, shape\points::of_raw('5', '10', $item));
    same(null, shape\points::of_raw('5', '0', $item));
    holds(shape\points::has($item, 'skip', 'skip'));
    $item->grademin = '10';
    same([58, 52], [shape\points::most($item), shape\points::of(62, $item)]);
    same(29, shape\points::of_raw('5', '10', $item));
    holds(shape\points::has($item, 'skip', 'shift') && !shape\points::has($item, 'points', 'skip'));
    // A scale of four steps: Moodle's own percentage of the third is two of three.
    $scale = (object) (['gradetype' => '2', 'grademin' => '1', 'grademax' => '4'] + (array) $item);
    same([3, 2], [shape\points::most($scale), shape\points::of('3.00000', $scale)]);
    holds(shape\points::has($scale, 'points', 'skip') && !shape\points::has($scale, 'skip', 'shift'));
    foreach ([['itemtype' => 'course'], ['itemtype' => 'category'], ['gradetype' => '0'], ['gradetype' => '3'], ['outcomeid' => '4']] as $no) {
        holds(!shape\points::has((object) ($no + (array) $item), 'points', 'shift'), json_encode($no));
    }
}

function test_a_grade_item() {
    $item = (object) ['id' => '9', 'courseid' => 2, 'categoryid' => 1, 'idnumber' => '', 'gradetype' => '1', 'itemname' => " Quiz\n1", 'grademin' => '0', 'grademax' => '10', 'aggregation' => '13',
        'aggregationcoef' => '1.0', 'hidden' => '1800000000', 'timecreated' => '3', 'timemodified' => '8'];
    $told = ['sectionid' => '#2', 'name' => 'Quiz 1', 'idnumber' => '#9', 'pointval' => 10, 'extra_credit' => true,
        'hidden' => 1800000000, 'moodleid' => '9', 'sectionmoodleid' => '2', 'timemodified' => 8];
    same($told, shape\assessment::struct($item, '#9', '#2'));
    $item->aggregation = '10'; // There the same number is a weight.
    same(false, shape\assessment::struct($item, '#9', '#2')['extra_credit']);
}

function grade(array $more = []): stdClass {
    return (object) ($more + ['id' => '5', 'itemid' => '9', 'userid' => '42', 'finalgrade' => '8.00000', 'excluded' => '0', 'hidden' => '0', 'overridden' => '0',
        'timemodified' => '2000', 'grademin' => '0']);
}

function told_of(stdClass $grade, array $attempts = []): array {
    return array_map(function ($one) {
        return [$one['attempt_num'] ?? null, $one['points_earned'], $one['timemodified']];
    }, shape\grade::structs($grade, $grade, 'u', 'a', $attempts));
}

function test_a_grade_and_when_it_came_to_be_so() {
    $told = ['assessmentid' => 'a', 'userid' => 'u', 'excepted' => false, 'assessmentmoodleid' => '9', 'usermoodleid' => '42', 'hidden' => 0,
        'points_earned' => 8, 'timemodified' => 2000];
    same([$told], shape\grade::structs(grade(), grade(), 'u', 'a'));
    same([[null, 8, 3000]], told_of(grade(['excluded' => '3000'])));
    same([[null, null, 2000]], told_of(grade(['finalgrade' => null])), 'taken back:');
    same([], told_of(grade(['finalgrade' => null, 'timemodified' => null])), 'never graded:');
    same(true, shape\grade::structs(grade(['finalgrade' => null, 'timemodified' => null, 'excluded' => '5']), grade(), 'u', 'a')[0]['excepted']);
}

function test_only_what_counts_says_whether_it_is_hidden() {
    $attempts = [1 => ['points' => 5, 'timemodified' => 1000], 2 => ['points' => 8, 'timemodified' => 1500]];
    $told = shape\grade::structs(grade(['hidden' => '1']), grade(), 'u', 'a', $attempts);
    same([[1, null], [2, 1]], array_map(function ($one) {
        return [$one['attempt_num'], $one['hidden'] ?? null];
    }, $told), 'at the time of the first it was shown:');
}

function test_since_when_a_grade_is_as_it_is() {
    $when = function (array $rows, array $now = []) {
        $history = new shape\since();
        foreach ($rows as $time => $row) {
            $history->take('5', shape\grade::told(grade($row)), $time);
        }
        return shape\grade::structs(grade($now), grade(), 'u', 'a', [], $history)[0]['timemodified'];
    };
    same(2000, $when([]), 'no history:');
    same(1500, $when([1500 => [], 1900 => []]), 'only feedback was written later:');
    same(2000, $when([2500 => []]), 'older than its history:');
    same(1500, $when([1400 => ['finalgrade' => '7'], 1500 => [], 1900 => []]));
    same(4000, $when([1500 => [], 3000 => ['excluded' => '3000'], 4000 => [], 4100 => []]), 'no longer excused:');
    same(3000, $when([1500 => [], 3000 => ['excluded' => '3000']], ['excluded' => '3000']));
    same(4000, $when([1500 => [], 4000 => ['finalgrade' => '9']]), 'a gap in the history:');
    same(2000, $when([1500 => ['finalgrade' => '9']]), 'a gap in the history:');
    same(1500, $when([1500 => []], ['timemodified' => null]));
}

function test_of_several_attempts_the_last_has_what_the_gradebook_says() {
    $one = ['points' => 9, 'timemodified' => 100];
    $two = ['points' => 7, 'timemodified' => 200];
    $open = ['points' => null, 'timemodified' => 300];
    same([[1, 8, 2000]], told_of(grade(), [1 => $one]));
    same([[1, 9, 100], [2, 8, 2000]], told_of(grade(), [2 => $two, 1 => $one]));
    // A third one is not graded yet, and the gradebook keeps what there was.
    same([[1, 9, 100], [2, 8, 2000]], told_of(grade(), [1 => $one, 2 => $two, 3 => $open]));
    // The gradebook was emptied for it: what was graded before stays, and does not count.
    same([[1, 9, 100], [2, null, 2000]], told_of(grade(['finalgrade' => null]), [1 => $one, 2 => $open]));
    same([[2, 8, 2000]], told_of(grade(), [2 => $open]), 'set by hand while the attempt is open:');
}

function place(array $enrolments, array $roles = [], array $user = []): array {
    $user = (object) ($user + ['id' => '42', 'suspended' => '0', 'timemodified' => '10']);
    $enrolments = array_map(function ($one) {
        return (object) ($one + ['status' => '0', 'enrolstatus' => '0', 'timestart' => '0', 'timeend' => '0', 'timecreated' => '100',
            'timemodified' => '100', 'enroltimemodified' => '50']);
    }, $enrolments);
    $roles = array_map(function ($one) {
        return (object) ($one + ['archetype' => 'student', 'above' => '0', 'timemodified' => '100']);
    }, $roles ?: [[]]);
    return array_map(function ($one) {
        same(['s', 'u', '2', '42'], [$one['sectionid'], $one['userid'], $one['sectionmoodleid'], $one['usermoodleid']]);
        return [$one['role'], $one['status'], $one['timestart'], $one['timeend'], $one['timemodified']];
    }, shape\enrolment::structs($user, (object) ['id' => '2', 'timecreated' => '70'], 'u', 's', $enrolments, $roles));
}

function test_several_enrolments_are_one() {
    same([['student', 'active', 100, 0, 100]], place([[]]));
    $first = ['timestart' => '200', 'timeend' => '300', 'timemodified' => '120'];
    $second = ['timestart' => '250', 'timeend' => '400', 'timemodified' => '110'];
    same([['student', 'active', 200, 400, 120]], place([$first, $second]));
    same([['student', 'active', 200, 0, 120]], place([$first, ['timeend' => '0'] + $second]));
    same([['student', 'active', 200, 400, 130]], place([['status' => '1', 'timemodified' => '130'] + $first, $second]));
    same([['student', 'suspended', 200, 400, 120]], place([['status' => '1'] + $first, ['enrolstatus' => '1'] + $second]));
    // One that is suspended keeps nobody in: its missing end says nothing.
    same([['student', 'active', 150, 400, 120]], place([['status' => '1', 'timestart' => '150', 'timemodified' => '120'], $second]));
}

function test_a_suspension_and_its_end_have_their_own_time() {
    same([['student', 'suspended', 100, 0, 900]], place([[]], [], ['suspended' => '1', 'timemodified' => '900']));
    same([['student', 'active', 100, 0, 950]], place([[]], [], ['timemodified' => '950']));
    same([['student', 'suspended', 100, 0, 700]], place([['enrolstatus' => '1', 'enroltimemodified' => '700']]));
    same([['student', 'active', 100, 0, 800]], place([['enroltimemodified' => '800']]));
    // Suspended in this course alone: what else changed about the user says nothing of it.
    same([['student', 'suspended', 100, 0, 100]], place([['status' => '1']], [], ['timemodified' => '950']));
}

function test_roles_go_by_their_archetype() {
    same([['student', 'active', 100, 0, 100], ['teacher', 'active', 100, 0, 300]],
        place([[]], [['archetype' => 'teacher', 'timemodified' => '300'], []]));
    same([], place([[]], [['archetype' => 'manager'], ['archetype' => '']]));
    same([], place([], [['archetype' => 'student']]), 'a student who is not enrolled:');
    same([['teacher', 'active', 100, 0, 100]], place([], [['archetype' => 'editingteacher']]));
    $above = ['archetype' => 'editingteacher', 'above' => '1', 'timemodified' => '30'];
    same([['teacher', 'active', 70, 0, 30]], place([], [$above]), 'from the beginning of the course:');
    same([['teacher', 'suspended', 100, 0, 100]], place([['status' => '1']], [['archetype' => 'teacher']]));
    same([['teacher', 'active', 70, 0, 100]], place([['status' => '1', 'timeend' => '300']], [$above]));
}

function test_a_cursor_comes_back_as_it_went() {
    $cursor = new cursor();
    [$cursor->entity, $cursor->at, $cursor->upper, $cursor->sent] = ['enrolments', '99999999999:99999999999:2', PHP_INT_MAX, 12345678];
    [$cursor->guess, $cursor->takenat, $cursor->scope, $cursor->whole] = [99999999999, 1800000000, '1-0123456789abcdef', 0];
    $text = $cursor->text();
    holds(strlen($text) <= 255 && $cursor == cursor::read($text), $text);
    foreach (['', 'x', "$text ", "$text\n", str_replace('|0', '|2', $text), str_replace('enrolments', "\x00", $text)] as $wrong) {
        same(null, cursor::read($wrong), $wrong);
    }
}
