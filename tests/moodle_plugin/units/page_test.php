<?php
// What is sent in one call is read together, and is what would be read one by one.

define('CLI_SCRIPT', true);
require_once __DIR__ . '/school.php';

use core\event\base;
use local_schooltool\local\doubles;
use local_schooltool\local\events;
use local_schooltool\local\notes;
use local_schooltool\local\outbox;
use local_schooltool\local\read;
use local_schooltool\local\rules;
use local_schooltool\local\whole;
use local_schooltool\observer\places;

/** What Moodle says of somebody who was enrolled. */
class enrolled {
    public $relateduserid;
    public $courseid;

    public function __construct(int $userid, int $courseid) {
        [$this->relateduserid, $this->courseid] = [$userid, $courseid];
    }
}
class_alias('enrolled', base::class);

function about(string $kind, int $object, int $related = 0, ?array $kept = null): stdClass {
    static $id = 0;
    $row = (object) ['id' => (string) ++$id, 'hostid' => '5', 'kind' => $kind, 'objectid' => (string) $object,
        'relatedid' => (string) $related, 'snapshot' => $kept === null ? null : json_encode($kept), 'timecreated' => '3000'];
    return notes::groups([$row])[0];
}

/** Groups of notes about some pupils in two courses, and what is read of them. */
function class_of(int $pupils): array {
    school::begin();
    doubles::forget();
    $groups = [];
    foreach (['A', 'B'] as $name) {
        $course = school::course($name, ['idnumber' => "C$name"]);
        $items = [school::item($course, 'Quiz'), school::item($course, 'Essay', ['idnumber' => "E$name"])];
        $groups[] = about(notes::SECTION, $course);
        foreach ($items as $item) {
            $groups[] = about(notes::ASSESSMENT, $item);
        }
        foreach (range(1, $pupils) as $n) {
            $pupil = school::user("$name$n", ['idnumber' => "$name$n"]);
            $groups[] = about(notes::USER, $pupil);
            if ($n % 3) {
                school::student($pupil, $course);
                $groups[] = about(notes::ENROLMENT, $pupil, $course);
            } else {
                $groups[] = about(notes::ENROLMENT, $pupil, $course, ['ended' => ['role' => 'student']]);
            }
            // Not everybody has a grade in everything that something is noted of.
            school::grade($items[$n % 2], $pupil, $n);
            $groups[] = about(notes::GRADE, $items[0], $pupil);
            $groups[] = about(notes::GRADE, $items[1], $pupil);
        }
    }
    $groups[] = about(notes::USER, 99999);
    $groups[] = about(notes::GRADE, 99999, 99999);
    $groups[] = about(notes::ENROLMENT, 99999, 99999, ['ended' => ['role' => 'student']]);
    return $groups;
}

function test_read_together_it_is_what_is_read_one_by_one() {
    $groups = class_of(7);
    $page = new read\page($groups);
    $found = 0;
    foreach ($groups as $group) {
        $together = events::of($group, $page);
        same(events::of($group), $together, "$group->kind $group->objectid");
        $found += count($together);
    }
    // Two courses, four items; of each pupil the user, one enrolment that is or was, one grade; and who is gone.
    same(2 + 4 + 14 * 3 + 1, $found);
}

function test_more_of_the_same_is_not_asked_for_one_by_one() {
    global $DB;
    $asked = [];
    foreach ([4, 40] as $pupils) {
        $groups = class_of($pupils);
        $before = $DB->asked;
        $page = new read\page($groups);
        foreach ($groups as $group) {
            events::of($group, $page);
        }
        $asked[] = $DB->asked - $before;
        reset_moodle();
    }
    same($asked[0], $asked[1]);
    holds($asked[0] < 40, "$asked[0] statements");
}

function test_what_cannot_be_read_spoils_nothing_else() {
    $groups = class_of(3);
    $page = new class($groups) extends read\page {
        protected function together(string $kind, array $keys): array {
            foreach ($keys as $key) {
                if ($kind === notes::USER && $key[0] == $this->broken) {
                    throw new TypeError('broken');
                }
            }
            return parent::together($kind, $keys);
        }
        /** @var int */
        public $broken = 0;
    };
    $users = array_values(array_filter($groups, function ($group) {
        return $group->kind === notes::USER;
    }));
    $page->broken = $users[1]->objectid;
    $outcome = array_map(function ($group) use ($page) {
        try {
            return count(events::of($group, $page));
        } catch (TypeError $problem) {
            return $problem->getMessage();
        }
    }, $users);
    same([1, 'broken', 1, 1, 1, 1, 0], $outcome);
}

function test_people_and_courses_go_before_who_is_in_them() {
    $event = ['events' => [['delete_section', []]]];
    $groups = array_map(function ($note) {
        return about(...$note);
    }, [[notes::ENROLMENT, 1, 2], [notes::SECTION, 2], [notes::USER, 3], [notes::GRADE, 4, 3], [notes::ENROLMENT, 3, 2], [notes::USER, 5],
        [notes::SECTION, 2, 0, $event], [notes::ENROLMENT, 6, 2], [notes::COURSE, 9], [notes::ENROLMENT, 7, 2], [notes::USER, 7]]);
    $order = array_map(function ($group) {
        return "$group->kind $group->objectid";
    }, notes::needed_first($groups));
    // What was kept, and what becomes other notes, has its place.
    same(['user 3', 'user 5', 'section 2', 'enrolment 1', 'grade 4', 'enrolment 3', 'section 2', 'enrolment 6', 'course 9',
        'user 7', 'enrolment 7'], $order);
}

function test_a_page_sends_as_many_as_go_in_half_of_its_time() {
    // 50 took a fifth of a second: 500 would go in two.
    same(250, rules::many(50, 0.2, 4.0));
    same(125, rules::many(50, 0.4, 2.0));
    same(50, rules::many(50, 1.5, 2.0));
    // What would not be answered in time says nothing against the server: it is left for the task.
    same(0, rules::many(50, 3.0, 2.0));
    same(0, rules::many(250, 2.0, 0.1));
    same(250, rules::many(50, 0.0, 4.0));
    // What a call costs by itself hides what one event costs: more go than went, and none is left lying.
    foreach ([[1, 0.12, 4.88], [2, 0.35, 4.65], [3, 1.0, 4.0], [49, 2.0, 2.9], [60, 1.9, 3.9]] as [$last, $took, $left]) {
        $many = rules::many($last, $took, $left);
        holds($many >= 1 && $many <= 250 && $many * $took / $last <= $left, "$many after $last in $took s");
    }
    same(0, rules::many(1, 2.6, 2.4));
}

/** Something is noted for server 5; returns the note's id. */
function noted(string $kind, int $object, int $related = 0, ?array $kept = null, int $host = 5): int {
    global $DB;
    return $DB->insert_record(outbox::TABLE, ['hostid' => $host, 'kind' => $kind, 'objectid' => $object, 'relatedid' => $related,
        'snapshot' => $kept === null ? null : json_encode($kept), 'timecreated' => 1000]);
}

function begin_outbox(): void {
    global $DB;
    school::begin();
    doubles::forget();
    $DB->insert_record('local_schooltool_peer', ['hostid' => 5, 'enabled' => 1]);
    outbox::forget_peers();
    set_config('version', '1', 'local_schooltool');
}

function what_waits(): array {
    global $DB;
    return array_map(function ($row) {
        return [$row->kind, (int) $row->objectid, (int) $row->relatedid];
    }, array_values($DB->get_records(outbox::TABLE)));
}

function test_what_is_noted_again_further_down_is_done_with_the_first() {
    begin_outbox();
    $event = ['events' => [['delete_grade', []]]];
    $ids = [noted(notes::USER, 7), noted(notes::ENROLMENT, 7, 2), noted(notes::GRADE, 1, 7)];
    noted(notes::USER, 8);
    $again = [noted(notes::USER, 7), noted(notes::ENROLMENT, 7, 2, ['ended' => ['role' => 'student']])];
    // Other servers, other things, and what has its own place.
    noted(notes::USER, 7, 0, null, 6);
    noted(notes::ENROLMENT, 7, 3);
    noted(notes::GRADE, 1, 7, $event);
    noted(notes::PLACES, 7);
    same(array_merge($ids, $again), array_map('intval', array_column(outbox::page(5, 3), 'id')));
    same([], outbox::page(9, 3));
}

function test_a_course_is_not_told_twice_of_whom_its_restore_told_already() {
    global $DB;
    begin_outbox();
    [$course, $anna, $bob] = [school::course('A'), school::user('anna'), school::user('bob')];
    school::student($anna, $course);
    school::student($bob, $course);
    noted(notes::USER, $anna);
    noted(notes::ENROLMENT, $anna, $course);
    noted(notes::ENROLMENT, $bob, $course, ['ended' => ['role' => 'student']]);
    noted(notes::USER, $bob, 0, null, 6);
    $before = count(what_waits());
    $whole = noted(notes::COURSE, $course);
    whole::expand($DB->get_record(outbox::TABLE, ['id' => $whole]));
    same([['user', $bob, 0], ['section', $course, 0], ['enrolment', $bob, $course]], array_slice(what_waits(), $before));
    // So it is before the first of these are sent.
    $DB->delete_records(outbox::TABLE);
    noted(notes::SECTION, $course);
    noted(notes::USER, $anna);
    noted(notes::ENROLMENT, $anna, $course);
    noted(notes::COURSE, $course);
    same(2, count(outbox::page(5, 1)));
    same([['user', $bob, 0], ['section', $course, 0], ['enrolment', $bob, $course]], array_slice(what_waits(), 3));
    // Everything is everything.
    $DB->delete_records(outbox::TABLE);
    noted(notes::USER, $anna);
    $whole = noted(notes::EVERYTHING, 5);
    whole::expand($DB->get_record(outbox::TABLE, ['id' => $whole]));
    same(2, count(array_keys(what_waits(), ['user', $anna, 0])));
}

function test_while_a_course_is_restored_people_and_the_course_are_told_before_who_is_in_it() {
    begin_outbox();
    [$course, $anna] = [school::course('A'), school::user('anna')];
    places::enrolment_changed(new base($anna, $course));
    same([['enrolment', $anna, $course]], what_waits());
    eval('class restore_controller {}');
    foreach ([1, 2] as $time) {
        places::enrolment_changed(new base($anna, $course));
    }
    places::enrolment_changed(new base($bob = school::user('bob'), $course));
    same([['user', $anna, 0], ['section', $course, 0], ['enrolment', $anna, $course], ['enrolment', $anna, $course],
        ['user', $bob, 0], ['enrolment', $bob, $course]], array_slice(what_waits(), 1));
}
