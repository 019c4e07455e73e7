<?php
// What of the plugin for signing on needs no Moodle.

use auth_mnet\local\address;
use auth_mnet\local\course_rows;
use auth_mnet\local\profile;

function test_an_address_is_as_the_table_of_hosts_has_it() {
    $cases = [
        'https://a.example.org' => 'https://a.example.org', ' https://a.example.org// ' => 'https://a.example.org',
        'a.example.org/moodle/' => 'http://a.example.org/moodle', 'HTTPS://a' => 'HTTPS://a', '' => '', ' / ' => '',
        'httpd.example.org' => 'http://httpd.example.org',
    ];
    foreach ($cases as $typed => $tidy) {
        same($tidy, address::tidy($typed), $typed);
    }
}

function test_a_landing_is_as_every_site_reads_it() {
    same(
        'https://b/auth/mnet/land.php?token=abc&idp=https://a/x&wantsurl=%2Fmy%2F%3Fa%3D1%262',
        address::of_landing('https://b', '/auth/mnet/land.php', 'abc', 'https://a/x', '/my/?a=1&2', false)
    );
    same(
        'https://b/l?token=abc&idp=https://a&wantsurl=&remoteurl=1',
        address::of_landing('https://b', '/l', 'abc', 'https://a', '', true)
    );
}

function test_nobody_is_led_out_of_a_site() {
    foreach (['', 'my/', '//evil.example.org', '/\\evil.example.org', "/my\n", 'https://evil.example.org', '/a b'] as $path) {
        same('/', address::path($path), $path);
    }
    foreach (['/', '/my/', '/course/view.php?id=3#section-1', '/ö'] as $path) {
        same($path, address::path($path));
    }
}

function test_a_browser_is_known_by_its_agent_as_it_came() {
    same(sha1('Mozilla/5.0 (ä)'), address::agent_hash(['HTTP_USER_AGENT' => 'Mozilla/5.0 (ä)']));
    same(sha1(''), address::agent_hash([]));
}

function test_the_code_of_an_error() {
    $cases = ['7012 : no such function' => 7012, '8:CURL error' => 8, 'Invalid signature' => 0, '' => 0, ' 1 :x' => 1];
    foreach ($cases as $error => $code) {
        same($code, address::error_code((string) $error));
    }
}

function test_names_are_read_from_whatever_came() {
    same(['a', '7', 'ö'], address::names(['a', 7, ['x'], null, true, '', 'a', 'ö', str_repeat('x', 500)]));
    same(['a'], address::names(['x' => 'a']));
    same([], address::names('a'));
    same(address::MAX_NAMES, count(address::names(range(1, address::MAX_NAMES + 9))));
}

function test_no_other_site_decides_what_is_ours_to_decide() {
    $told = [
        'username' => 'Ana', 'firstname' => "A\x00na ", 'lastname' => 'Ω', 'email' => 'a@example.org', 'city' => 7,
        'id' => 2, 'mnethostid' => 1, 'auth' => 'manual', 'password' => 'x', 'suspended' => 0, 'deleted' => 0,
        'confirmed' => 1, 'policyagreed' => 1, 'trustbitmask' => 7, 'picture' => 5, 'lang' => 'de_utf8', 'country' => 'de',
        'description' => ['no text'], 'interests' => 'not wanted', 'idnumber' => true,
    ];
    $wanted = array_diff(array_keys($told), ['interests']);
    same([
        'username' => 'ana', 'firstname' => 'Ana', 'lastname' => 'Ω', 'email' => 'a@example.org', 'city' => '7',
        'lang' => 'de', 'country' => 'DE', 'idnumber' => '1',
    ], profile::fields($told, $wanted));
    same(['firstname' => ''], profile::fields(['firstname' => "\xff"], ['firstname']), 'no text at all');
}

function test_what_every_account_needs() {
    same(['username', 'firstname', 'lastname', 'email'], profile::missing([]));
    same(['lastname'], profile::missing(['username' => 'a', 'firstname' => '0', 'lastname' => ' ', 'email' => 'a@b.c']));
}

function test_only_what_differs_is_changed() {
    $account = ['firstname' => 'Ana', 'city' => null, 'maildisplay' => 2];
    same([], profile::changes(['firstname' => 'Ana', 'city' => '', 'maildisplay' => '2', 'new' => 'x'], $account));
    same(['firstname' => 'Anna'], profile::changes(['firstname' => 'Anna', 'maildisplay' => '2'], $account));
}

function test_a_picture_is_fetched_only_where_there_is_one() {
    same(17, profile::picture_time(['picture' => '1', '_mnet_userpicture_timemodified' => '17']));
    same(0, profile::picture_time(['picture' => '0', '_mnet_userpicture_timemodified' => 17]));
    same(0, profile::picture_time(['_mnet_userpicture_timemodified' => 17]));
    same(0, profile::picture_time(['picture' => 1, '_mnet_userpicture_timemodified' => ['x']]));
}

function test_courses_elsewhere_are_kept_as_they_were_told() {
    $known = [
        '3' => ['fullname' => 'Algebra', 'categoryname' => 'Maths', 'startdate' => '5', 'enrolled' => true],
        '4' => ['fullname' => 'Biology', 'enrolled' => false],
        '5' => ['fullname' => 'Chemistry', 'enrolled' => true],
    ];
    $told = [
        ['id' => '3', 'fullname' => 'Algebra 1', 'cat_name' => 'Maths', 'startdate' => 5, 'defaultrolename' => 'Student'],
        ['id' => 4, 'fullname' => 'Biology', 'defaultrolename' => 'Student'],
        ['id' => 99, 'fullname' => 'Nobody asked about it'],
        ['fullname' => 'without an id'],
        'no course',
    ];
    same([
        'update' => ['3' => ['fullname' => 'Algebra 1']],
        'enrol' => ['4' => 'Student'],
        'keep' => ['3', '4'],
    ], course_rows::difference($told, $known));
    same(['update' => [], 'enrol' => [], 'keep' => []], course_rows::difference([], $known));
}
