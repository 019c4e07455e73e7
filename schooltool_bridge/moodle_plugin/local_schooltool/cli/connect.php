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
 * Connect from the command line: the same steps as the page's.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

define('CLI_SCRIPT', true);

require(__DIR__ . '/../../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->libdir . '/adminlib.php');

use local_schooltool\local\connect\address;
use local_schooltool\local\connect\cli;

[$options, $unrecognised] = cli_get_params([
    'help' => false,
    'wwwroot' => '',
    'status' => false,
    'undo' => false,
    'steps' => '',
    'without' => '',
    'roles' => '',
    'fingerprint' => '',
    'yes' => false,
    'any-tls' => false,
    'send-everything' => false,
    'json' => false,
], ['h' => 'help', 'y' => 'yes']);

if ($unrecognised) {
    cli_error(get_string('cliunknowoption', 'admin', implode("\n  ", $unrecognised)), 2);
}
if ($options['help']) {
    cli_writeln(get_string('cli_help', 'local_schooltool'));
    exit(0);
}
// Whoever works on the command line is the admin; what Moodle logs says so.
\core\session\manager::set_user(get_admin());
exit(cli::run($options, address::normalised((string) $options['wwwroot'])));
