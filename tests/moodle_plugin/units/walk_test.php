<?php
// Telling everything, page by page (RULES 1.10), and the faults of wrong questions.

require_once __DIR__ . '/school.php';

use local_schooltool\local\doubles;
use local_schooltool\local\read;
use local_schooltool\local\walk;
use local_schooltool\mnet;

/** Three courses, nine pupils, four teachers of whom one is a pupil as well, 27 grades with gaps. */
function fill(): void {
    global $DB;
    school::begin();
    doubles::forget();
    $users = array_map([school::class, 'user'], ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']);
    foreach (['A', 'B', 'C'] as $name) {
        $course = school::course($name);
        $quiz = $DB->insert_record('quiz', ['sumgrades' => 10, 'grade' => 10]);
        $item = school::item($course, 'Quiz', ['itemmodule' => 'quiz', 'iteminstance' => $quiz]);
        school::item($course, 'Total', ['itemtype' => 'course']);
        foreach ($users as $number => $user) {
            school::student($user, $course);
            $id = school::grade($item, $user, $number);
            // A hole, and a row without a grade.
            $DB->delete_records('grade_grades', ['id' => school::grade($item, 1, 3)]);
            school::grade($item, $user + 100, null, ['timemodified' => null]);
            foreach ($name === 'A' ? [1, 2, 3] : [] as $attempt) {
                $DB->insert_record('quiz_attempts', ['quiz' => $quiz, 'userid' => $user, 'attempt' => $attempt, 'sumgrades' => 5,
                    'timemodified' => 50]);
            }
        }
        school::role($users[0], 2, $course);
        school::role(school::user("teacher$name"), 1, $course);
    }
}

/** Walk to the end; gives items and the last page, having seen that each page says the same. */
function walked(string $entity, int $limit, ?callable $between = null): array {
    [$cursor, $items, $pages] = ['', [], 0];
    do {
        $page = walk::page($entity, $cursor, $limit);
        holds(count($page['items']) <= $limit, 'more than wanted');
        holds($page['complete'] === 0 || $page['next'] === '', 'complete before the end');
        holds(strlen($page['next']) <= 255);
        same($first['scope'] ?? $page['scope'], $page['scope']);
        same($first['taken_at'] ?? $page['taken_at'], $page['taken_at']);
        $first = $first ?? $page;
        $items = array_merge($items, $page['items']);
        $cursor = $page['next'];
        if ($between) {
            $between(++$pages);
        }
        holds(++$pages < 1000, 'no end');
    } while ($cursor !== '');
    return [$items, $page];
}

function test_pages_of_every_size_tell_the_same() {
    fill();
    // In course A each pupil has three attempts.
    foreach (['users' => 12, 'sections' => 3, 'enrolments' => 33, 'assessments' => 3, 'grades' => 45] as $entity => $many) {
        [$all, $last] = walked($entity, 1000);
        same([$many, $many, 1], [count($all), $last['count'], $last['complete']], $entity);
        same($many, count(array_unique(array_map('serialize', $all))), "$entity twice:");
        foreach ([1, 2, 3, 7, $many, $many + 1] as $limit) {
            [$items, $last] = walked($entity, $limit);
            same([$all, $many, 1], [$items, $last['count'], $last['complete']], "$entity by $limit:");
        }
        holds(abs(time() - 300 - $last['taken_at']) < 5);
    }
}

function test_what_an_event_says_is_what_the_walk_says() {
    global $DB;
    fill();
    [$told] = walked('users', 5);
    same($told, array_values(array_filter(array_map(function ($row) {
        return read\users::one((int) $row->id);
    }, $DB->get_records('user')))));
    [$told] = walked('grades', 5);
    $one = [];
    foreach ($DB->get_records('grade_grades') as $row) {
        $one = array_merge($one, read\grades::one((int) $row->userid, (int) $row->itemid));
    }
    same($told, $one);
    [$told] = walked('enrolments', 5);
    $one = [];
    foreach ($DB->get_records('course') as $course) {
        foreach ($DB->get_records('user') as $user) {
            $one = array_merge($one, read\enrolments::one((int) $user->id, (int) $course->id));
        }
    }
    same($told, $one);
}

function test_what_is_made_on_the_way_is_not_of_this_walk() {
    fill();
    [$items, $last] = walked('users', 5, function ($page) {
        school::user("late$page");
    });
    same([12, 12, 1], [count($items), $last['count'], $last['complete']]);
}

function test_what_goes_on_the_way_is_not_counted() {
    global $DB;
    fill();
    [$items, $last] = walked('grades', 4, function ($page) use ($DB) {
        $DB->delete_records('grade_grades', ['id' => 10 + 3 * $page]);
    });
    same([count($items), 1], [$last['count'], $last['complete']]);
    holds(count($items) < 45 && count($items) > 20);
}

function test_other_settings_on_the_way_make_a_walk_incomplete() {
    fill();
    [, $last] = walked('users', 5, function ($page) {
        set_config('userauths', 'manual', 'local_schooltool');
    });
    same([0, 12], [$last['complete'], $last['count']]);
}

function test_a_row_that_cannot_be_read_spoils_no_other_and_is_said() {
    global $DB;
    fill();
    ini_set('error_log', '/dev/null');
    $DB->set_field('grade_items', 'multfactor', 'x', ['id' => 1]);
    [$items, $last] = walked('grades', 10);
    same([18, 18, 0], [count($items), $last['count'], $last['complete']]);
    [$items, $last] = walked('users', 10);
    same([12, 1], [$last['count'], $last['complete']]);
}

function test_nothing_at_all_is_told_completely() {
    school::begin();
    foreach (array_keys(walk::ENTITIES) as $entity) {
        [$items, $last] = walked($entity, 10);
        same([[], 0, 1, ''], [$items, $last['count'], $last['complete'], $last['next']]);
    }
}

function test_far_apart_ids_are_reached() {
    global $DB;
    fill();
    $DB->run('UPDATE {grade_grades} SET id = 3000000 + id WHERE id > 30');
    [$items] = walked('grades', 10);
    same(45, count($items));
}

function test_a_page_costs_the_same_however_far_it_is() {
    global $DB;
    fill();
    $item = school::item(2, 'Many');
    foreach (range(1, 3000) as $number) {
        $user = school::user("many$number", ['idnumber' => "m$number"]);
        school::grade($item, $user, 5);
    }
    doubles::forget();
    $costs = [];
    $cursor = '';
    do {
        $before = $DB->asked;
        $page = walk::page('grades', $cursor, 500);
        $costs[] = $DB->asked - $before;
        $cursor = $page['next'];
    } while ($cursor !== '');
    holds(count($costs) === 7 && max($costs) <= 12, json_encode($costs));
}

function test_questions_that_are_wrong_have_their_faults() {
    fill();
    $site = new mnet();
    refused(8400, function () use ($site) {
        $site->full_sync('teachers');
    });
    foreach ([0, 1001, -1, 'many', []] as $limit) {
        refused(8400, function () use ($site, $limit) {
            $site->full_sync('users', '', $limit);
        });
    }
    $next = $site->full_sync('users', '', 5)['next'];
    foreach (["$next ", 'x', "' OR 1 = 1", str_replace('users', 'grades', $next)] as $cursor) {
        refused(8400, function () use ($site, $cursor) {
            $site->full_sync('users', $cursor, 5);
        });
    }
    same(5, count($site->full_sync('users', [], '5')['items']), 'as PHP sends it:');
    refused(8404, function () use ($site) {
        $site->get_user(['idnumber' => '77', 'username' => '']);
    });
    foreach ([[], '', ['idnumber' => []], null] as $user) {
        refused(8400, function () use ($site, $user) {
            $site->get_user($user);
        });
    }
    same('a', $site->get_user(['username' => 'a'])['username']);
    same(6, count($site->list_user_enrolments(['username' => 'a'])));
}

function test_what_is_switched_off_is_said_and_not_empty() {
    global $DB;
    fill();
    $site = new mnet();
    foreach (['sendusers' => ['users'], 'sendenrolments' => ['enrolments'], 'sendgrades' => ['assessments', 'grades']] as $name => $parts) {
        set_config($name, '0', 'local_schooltool');
        foreach ($parts as $entity) {
            refused(8403, function () use ($site, $entity) {
                $site->full_sync($entity);
            });
        }
        same(array_values(array_diff(array_keys(walk::ENTITIES), $parts)), walk::entities());
        settings::$of = [];
    }
    set_config('sendenrolments', '0', 'local_schooltool');
    set_config('sendgrades', '0', 'local_schooltool');
    same(['users'], walk::entities());
    settings::$of = [];
    set_config('wwwroot', 'https://before.example', 'local_schooltool');
    refused(8403, function () use ($site) {
        $site->full_sync('users');
    });
    settings::$of = [];
    $GLOBALS['MNET_CALLER'] = (object) ['id' => 4];
    same(12, $site->full_sync('users')['count']);
    $DB->insert_record('local_schooltool_peer', ['hostid' => 4, 'enabled' => 0]);
    refused(8403, function () use ($site) {
        $site->get_user(['username' => 'a']);
    });
}

function test_a_failing_database_is_said_as_come_again_later() {
    global $DB;
    fill();
    ini_set('error_log', '/dev/null');
    $DB->run('DROP TABLE {role_assignments}');
    refused(8503, function () {
        (new mnet())->full_sync('enrolments');
    });
}
