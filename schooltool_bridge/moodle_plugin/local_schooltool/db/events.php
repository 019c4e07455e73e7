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

/**
 * Which events are noted. All inside Moodle's own transaction (internal, the default).
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$observers = [];
$names = [
    'user_created' => 'observer::user_changed',
    'user_updated' => 'observer::user_changed',
    'user_loggedin' => 'observer::user_came',
    'course_created' => 'observer::course_changed',
    'course_updated' => 'observer::course_changed',
    'course_restored' => 'observer::course_restored',
    'course_deleted' => 'observer::course_deleted',
    'course_category_updated' => 'observer::category_changed',
    'course_reset_started' => 'observer::reset_started',
    'course_reset_ended' => 'observer::reset_ended',
    'user_enrolment_created' => 'observer\\places::enrolment_changed',
    'user_enrolment_updated' => 'observer\\places::enrolment_changed',
    'user_enrolment_deleted' => 'observer\\places::enrolment_ended',
    'enrol_instance_updated' => 'observer\\places::instance_changed',
    'role_assigned' => 'observer\\places::role_given',
    'role_unassigned' => 'observer\\places::role_taken',
    'grade_item_created' => 'observer\\gradebook::item_changed',
    'grade_item_updated' => 'observer\\gradebook::item_changed',
    'grade_item_deleted' => 'observer\\gradebook::item_deleted',
    'user_graded' => 'observer\\gradebook::graded',
    'grade_deleted' => 'observer\\gradebook::grade_deleted',
];
foreach ($names as $event => $method) {
    $observers[] = [
        'eventname' => '\\core\\event\\' . $event,
        'callback' => '\\local_schooltool\\' . $method,
    ];
}
$observers[] = [
    'eventname' => '\\mod_quiz\\event\\attempt_deleted',
    'callback' => '\\local_schooltool\\observer\\attempts::deleted',
];
