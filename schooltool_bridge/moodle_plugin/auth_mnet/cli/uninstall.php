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
 * Uninstalls this plugin. Moodle's own pages refuse to, since they know its name as one of Moodle's own parts.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

define('CLI_SCRIPT', true);

require(__DIR__ . '/../../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->libdir . '/adminlib.php');

[$options, $unknown] = cli_get_params(['help' => false, 'run' => false], ['h' => 'help']);
if ($options['help'] || $unknown || !$options['run']) {
    cli_writeln("Uninstalls MNet authentication (auth_mnet): visits end, its services and tables are removed.\n"
        . "Accounts stay. Afterwards delete the folder auth/mnet, or Moodle installs it again.\n\n"
        . "  --run    do it");
    exit($unknown ? 1 : 0);
}
uninstall_plugin('auth', 'mnet');
cli_writeln('Done. Now delete the folder auth/mnet.');
