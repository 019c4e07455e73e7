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
foreach ([
    'user_created' => 'user_changed',
    'user_updated' => 'user_changed',
    'user_loggedin' => 'user_came',
    'course_created' => 'course_changed',
    'course_updated' => 'course_changed',
    'course_restored' => 'course_restored',
    'course_deleted' => 'course_deleted',
    'course_category_updated' => 'category_changed',
    'course_reset_started' => 'reset_started',
    'course_reset_ended' => 'reset_ended',
    'user_enrolment_created' => 'enrolment_changed',
    'user_enrolment_updated' => 'enrolment_changed',
    'user_enrolment_deleted' => 'enrolment_ended',
    'enrol_instance_updated' => 'instance_changed',
    'role_assigned' => 'role_given',
    'role_unassigned' => 'role_taken',
    'grade_item_created' => 'item_changed',
    'grade_item_updated' => 'item_changed',
    'grade_item_deleted' => 'item_deleted',
    'user_graded' => 'graded',
    'grade_deleted' => 'grade_deleted',
] as $event => $method) {
    $observers[] = [
        'eventname' => '\\core\\event\\' . $event,
        'callback' => '\\local_schooltool\\observer::' . $method,
    ];
}
