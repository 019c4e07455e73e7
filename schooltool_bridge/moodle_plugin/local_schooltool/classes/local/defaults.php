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

namespace local_schooltool\local;

/**
 * What the settings are until somebody changes them.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class defaults {
    /** @var array Name to value, as get_config() returns it. */
    const VALUES = [
        'sendusers' => '1',
        'userauths' => '',
        'idnumberfallback' => 'none',
        'sendpasswords' => '0',
        'sendenrolments' => '1',
        'categories' => '',
        'courseidnumberfallback' => 'none',
        'sendgrades' => '1',
        'scales' => 'points',
        'minimum' => 'shift',
    ];
}
