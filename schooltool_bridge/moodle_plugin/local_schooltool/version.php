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
 * Which version this is, and what it needs.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$plugin->component = 'local_schooltool';
// The day of the release and a number; raised with every change of db/, which Moodle reads only then.
$plugin->version = 2026120100;
// The server's own version: whoever sees both sides sees whether they belong together.
$plugin->release = '0.1.0';
// Moodle 3.9; from 5.1 on below public/ as well.
$plugin->requires = 2020061500;
$plugin->maturity = MATURITY_STABLE;
