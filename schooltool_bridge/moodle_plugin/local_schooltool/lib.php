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
 * Nearly empty on purpose: Moodle reads this file with every page. The code is in classes/.
 *
 * It has to be there, since its name is part of the methods' path (db/mnet.php).
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * Before a user is deleted.
 *
 * @param stdClass $user
 * @return void
 */
function local_schooltool_pre_user_delete($user) {
    \local_schooltool\observer::user_goes($user);
}

/**
 * Before a course is deleted.
 *
 * @param stdClass $course
 * @return void
 */
function local_schooltool_pre_course_delete($course) {
    \local_schooltool\observer::course_goes($course);
}

/**
 * Before an activity is deleted.
 *
 * @param stdClass $cm
 * @return void
 */
function local_schooltool_pre_course_module_delete($cm) {
    \local_schooltool\observer\gradebook::activity_goes($cm);
}

/**
 * When a page begins; from Moodle 4.4 on by db/hooks.php.
 *
 * @return void
 */
function local_schooltool_after_config() {
    \local_schooltool\observer::page_begins();
}

/**
 * The picture beside a SchoolTool in the block Network servers, which asks for one by the site's type.
 *
 * @return string[]
 */
function local_schooltool_get_fontawesome_icon_map() {
    return ['core:i/schooltool_host' => 'fa-graduation-cap'];
}
