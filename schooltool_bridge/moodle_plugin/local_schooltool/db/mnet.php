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
 * What this Moodle offers to a SchoolTool, and what it calls there.
 *
 * Moodle leaves out a subscription to a service that it does not publish itself, so both sides
 * have one service of the same name.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$publishes = [
    'schooltool' => [
        'apiversion' => 1,
        'classname' => 'local_schooltool\\mnet',
        'filename' => 'lib.php',
        'methods' => ['list_user_enrolments', 'get_user', 'full_sync', 'site_info'],
    ],
];

$subscribes = [
    'schooltool' => [
        'fetch_user' => 'schooltool/sis.php/fetch_user',
        'new_section' => 'schooltool/sis.php/new_section',
        'new_enrolment' => 'schooltool/sis.php/new_enrolment',
        'new_assessment' => 'schooltool/sis.php/new_assessment',
        'new_grade' => 'schooltool/sis.php/new_grade',
        'end_enrolment' => 'schooltool/sis.php/end_enrolment',
        'delete_section' => 'schooltool/sis.php/delete_section',
        'delete_assessment' => 'schooltool/sis.php/delete_assessment',
        'delete_grade' => 'schooltool/sis.php/delete_grade',
        'push_events' => 'schooltool/sis.php/push_events',
        'server_info' => 'schooltool/sis.php/server_info',
    ],
];
