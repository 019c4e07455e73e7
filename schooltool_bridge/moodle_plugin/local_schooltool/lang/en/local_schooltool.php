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
 * The plugin's words in English.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['address'] = 'Address of the SchoolTool server';
$string['address_help'] = 'As its page <em>Our key</em> shows it, such as https://sis.example.org: with http or https, with or without www, and with the port if there is one.';
$string['address_wrong'] = 'This is not an address of a site. It looks like https://sis.example.org.';
$string['another'] = 'Add another one';
$string['answer_good'] = 'It answers, and both sides agree.';
$string['answer_later'] = 'Comes after Connect.';
$string['answer_missing'] = 'It answers, but over there these boxes are not ticked for this Moodle: {$a}. In SchoolTool: the peer\'s page <em>Services</em>.';
$string['answer_strange'] = 'The server answers something else than expected.';
$string['anytls'] = 'Its https certificate cannot be checked (self-made, for instance): take it anyway, I compare the fingerprint';
$string['application_none'] = 'SchoolTool is not registered.';
$string['application_there'] = 'SchoolTool is registered.';
$string['auth_configphp'] = 'config.php decides which authentication plugins are on: add mnet to the line with auth there.';
$string['auth_first'] = 'Belongs to signing on: see the step Authentication plugin MNet.';
$string['auth_missing'] = 'Moodle has signing on through its network no more since 5.0. Upload the second plugin of SchoolTool (MNet authentication, from <code>mnet-peer plugin --sign-on</code> or the page of this Moodle in SchoolTool), then press Connect again. Events and grades go without it.';
$string['auth_off'] = 'It is off.';
$string['auth_on'] = 'It is on.';
$string['blocked_host'] = '{$a} is among the blocked hosts.';
$string['blocked_meaning'] = 'The calls of the Moodle network do not pass through this list, so they work all the same. Should the step below say that nobody answers, look for a firewall with the same rule.';
$string['blocked_not'] = 'The server is not blocked.';
$string['blocked_port'] = 'Port {$a} is not among the allowed ports.';
$string['cipher_extension'] = 'PHP lacks the extension {$a}, which the Moodle network needs.';
$string['cipher_fails'] = '{$a->openssl} does not offer RC4. Put these lines at the beginning of {$a->file} (in place of its own line <code>openssl_conf</code> and the parts of the same names), then restart the web server or PHP-FPM.';
$string['cipher_works'] = 'Works ({$a}).';
$string['cli_fingerprint'] = 'Compare the fingerprint and give it as --fingerprint. The server shows {$a}';
$string['cli_help'] = 'Connects this Moodle with a SchoolTool server, as the page Connect does.

  --wwwroot=URL          the server; may be left out when one is connected
  --fingerprint=SHA256   the fingerprint of its certificate, as its page Our key shows it
  --yes                  ask nothing (needs --fingerprint for a new server)
  --steps=A,B            only these steps, and those that the connection needs
  --without=A,B          all steps but these, and courses, which only --steps does
  --roles=A,B            short names of the roles that may go over (default: authenticated users)
  --any-tls              take any certificate of its https
  --send-everything      send everything when it is connected, and say how far it is
  --status               only say how each step stands
  --undo, --undo=STEP    put back what was before, of all steps or of one
  --json                 answer as JSON, ask nothing
  --help                 this text

Exit status: 0 done, 1 not all of it, 2 wrongly called.

Example: php local/schooltool/cli/connect.php --wwwroot=https://sis.example.org --status';
$string['cli_otherfingerprint'] = 'The server shows another fingerprint: {$a}';
$string['cli_roles'] = 'Not all of these are short names of roles: {$a}';
$string['cli_same'] = 'Is this the fingerprint that SchoolTool shows on its page Our key? (y/n)';
$string['cli_steps'] = 'There are no such steps: {$a}';
$string['cli_wwwroot'] = 'Say which server: --wwwroot=https://sis.example.org';
$string['compare'] = 'Is it the right server?';
$string['compare_first'] = 'Compare the fingerprint first, then tick the box.';
$string['compare_help'] = 'Compare this fingerprint with the one that SchoolTool shows on its page <a href="{$a}" target="_blank" rel="noopener">Our key</a> (opens in a new window), or that <code>mnet-peer key show</code> prints.';
$string['compare_same'] = 'I compared the fingerprint: it is the same';
$string['connect'] = 'Connect';
$string['connect_begin'] = 'Give the address of the SchoolTool server. What is found there is shown first; nothing is switched on before you press <em>Connect</em>.';
$string['connected'] = 'This Moodle\'s side is connected. What SchoolTool has to do stands below.';
$string['courses_unknown'] = 'Moodle has it no more since 5.0. Everything else works without it.';
$string['dothis'] = 'Do this';
$string['downuntil'] = 'Tried again at {$a}.';
$string['events_unknown'] = 'This Moodle does not know the service. Install this plugin again.';
$string['fault_cursor'] = 'This cursor is none that this Moodle gave out for {$a}. Begin anew.';
$string['fault_entity'] = 'The entity has to be one of {$a}.';
$string['fault_later'] = 'Something is out of order in this Moodle; its log says what. Ask again later.';
$string['fault_limit'] = 'The limit has to be from 1 to {$a}.';
$string['fault_moved'] = 'This Moodle was connected as {$a} and has another address now. Press Connect there.';
$string['fault_nobody'] = 'There is nobody here by this name or number who is told of: {$a}';
$string['fault_off'] = 'This Moodle\'s settings say not to send this: {$a}';
$string['fault_paused'] = 'This Moodle\'s admin switched sending to this server off.';
$string['fault_whom'] = 'Neither idnumber nor username says whom this is about.';
$string['is_blocked'] = 'Not possible here';
$string['is_done'] = 'Done';
$string['is_note'] = 'To be known';
$string['is_todo'] = 'To be done';
$string['key_ended'] = 'The key has ended; a new one has to be made.';
$string['key_failed'] = 'Moodle could not make a key pair. Its log says why; mostly PHP does not find openssl.cnf.';
$string['key_none'] = 'There is none yet.';
$string['key_otheraddress'] = 'The key names another address than {$a}; a new one has to be made. Other sites of the network have to take in the new one.';
$string['key_there'] = 'There is one, until {$a->ends}: <code>{$a->fingerprint}</code>';
$string['lasterror'] = 'Last error';
$string['lastsuccess'] = 'Last success';
$string['look'] = 'Look';
$string['look_nocertificate'] = 'The address answers, but not with a certificate. Is it a SchoolTool server, and is the address complete?';
$string['look_otheraddress'] = 'The certificate is that of {$a}. Give exactly that address.';
$string['look_ourselves'] = 'This is the address of this Moodle itself.';
$string['look_status'] = 'The address answers with HTTP status {$a} in place of its certificate. Is it a SchoolTool server, and is the address complete?';
$string['look_tls'] = 'The https certificate of this address could not be checked: {$a}. If that is as it should be, tick the box below the address.';
$string['look_unreachable'] = 'Nobody answers there: {$a}';
$string['lookagain'] = 'Look again';
$string['mode'] = 'When it is sent';
$string['mode_atonce'] = 'At once, after the page has been delivered; what is left, each minute by the scheduled task';
$string['mode_eachminute'] = 'Each minute, by the scheduled task (at once only under PHP-FPM)';
$string['needed'] = 'Needed';
$string['networking_configphp'] = 'config.php keeps it off: remove the line with mnet_dispatcher_mode there.';
$string['networking_off'] = 'It is off.';
$string['networking_on'] = 'It is on.';
$string['networkservers'] = 'Network servers';
$string['next'] = 'What comes next';
$string['next_add'] = 'In SchoolTool press <a href="{$a}" target="_blank" rel="noopener">Add a peer</a> (opens in a new window), give the address of this Moodle, and compare its fingerprint with this one. Choose the services that are ticked here: <em>Both ways</em>, or with the service for enrolling from there <em>Both ways, and its courses</em>. By command: <code>mnet-peer peer add</code>.';
$string['next_send'] = 'When both sides know each other: send what is here already. Whatever changes from then on goes by itself.';
$string['ouraddress'] = 'Address of this Moodle';
$string['ourfingerprint'] = 'Fingerprint of this Moodle (SHA-256)';
$string['peer_byhand'] = 'It is a peer of the Moodle network already; Connect makes it one that events are sent to.';
$string['peer_first'] = 'The server has to be a peer first.';
$string['peer_moved'] = 'This Moodle has another address than when it was connected, so nothing is sent. If this is no copy, Connect goes on under the new address.';
$string['peer_nokey'] = 'The server did not answer the swap of keys. Look again; then see whether it is reachable from this Moodle.';
$string['peer_none'] = 'It is no peer yet.';
$string['peer_notcompared'] = 'The server\'s key is not the one whose fingerprint was compared. Look again and compare it.';
$string['peer_otherkey'] = 'It is a peer, but shows another key now. Compare the fingerprint above; Connect takes the new key in.';
$string['peer_there'] = '{$a->name} is a peer: <code>{$a->fingerprint}</code>';
$string['pluginname'] = 'SchoolTool';
$string['privacy:metadata:attempt'] = 'How many attempts somebody had before a course was reset, so that their numbers go on.';
$string['privacy:metadata:attempt:counted'] = 'How many there were.';
$string['privacy:metadata:attempt:instance'] = 'Moodle\'s number of the activity.';
$string['privacy:metadata:attempt:module'] = 'What kind of activity it is.';
$string['privacy:metadata:attempt:userid'] = 'Moodle\'s number of the user.';
$string['privacy:metadata:known'] = 'Who is suspended, and who has an ID number that somebody else had first.';
$string['privacy:metadata:known:rowid'] = 'Moodle\'s number of the user.';
$string['privacy:metadata:known:source'] = 'Which of both it is.';
$string['privacy:metadata:known:timetaken'] = 'Since when that is known.';
$string['privacy:metadata:outbox'] = 'What changed and has not been sent yet.';
$string['privacy:metadata:outbox:kind'] = 'What kind of thing changed.';
$string['privacy:metadata:outbox:objectid'] = 'Moodle\'s number of it: for people that of the user.';
$string['privacy:metadata:outbox:relatedid'] = 'Moodle\'s number of what belongs to it, such as the course of an enrolment.';
$string['privacy:metadata:outbox:snapshot'] = 'What has to be sent though it is gone here.';
$string['privacy:metadata:outbox:timecreated'] = 'When it changed.';
$string['privacy:metadata:refused'] = 'What SchoolTool refused, until the list is cleared.';
$string['privacy:metadata:refused:code'] = 'The number of the fault.';
$string['privacy:metadata:refused:event'] = 'The call that was refused.';
$string['privacy:metadata:refused:reason'] = 'Why it was refused.';
$string['privacy:metadata:schooltool'] = 'What goes to the connected SchoolTool servers, each part only if the settings say so.';
$string['privacy:metadata:schooltool:account'] = 'User name, name, ID number, Moodle\'s own number and email address; the hash of the password only if that is switched on.';
$string['privacy:metadata:schooltool:enrolments'] = 'Courses, the part taken in them, its times, and whether it is suspended.';
$string['privacy:metadata:schooltool:grades'] = 'Grades of activities, with attempts, and whether somebody is excused.';
$string['privacy:path'] = 'SchoolTool: not yet sent';
$string['profile_missing'] = 'They do not go along yet: {$a}';
$string['profile_there'] = 'Both go along.';
$string['refused'] = 'Refused by SchoolTool';
$string['refused_code'] = 'Fault';
$string['refused_forget'] = 'Clear this list';
$string['refused_forgotten'] = 'The list is empty.';
$string['refused_help'] = 'The reason says what has to be set right here. Whatever is changed afterwards goes again by itself, or all of it with <em>Send everything again</em>.';
$string['refused_reason'] = 'Reason';
$string['refused_what'] = 'What';
$string['reply_cipher'] = 'PHP cannot seal messages: see the step about the cipher.';
$string['reply_clock'] = 'The clocks of both servers differ too much: {$a}';
$string['reply_http'] = 'The server answers with HTTP status {$a}.';
$string['reply_later'] = 'SchoolTool could not do it now; it is sent again. ({$a})';
$string['reply_nokey'] = 'The answer was sealed to a key that this Moodle no longer has. In SchoolTool verify this Moodle\'s peer, so that it takes in the present key.';
$string['reply_notpublished'] = 'SchoolTool does not publish the service to this Moodle: tick it there on the peer\'s page Services. ({$a})';
$string['reply_notsubscribed'] = 'This Moodle does not subscribe the service: press Connect.';
$string['reply_off'] = 'This Moodle, or this kind of event, is switched off in SchoolTool. ({$a})';
$string['reply_oldkey'] = 'The server has a new key. ({$a})';
$string['reply_other'] = 'It did not work: {$a}';
$string['reply_plain'] = 'SchoolTool answered without sealing: {$a}';
$string['reply_refused'] = 'SchoolTool refused it: {$a}';
$string['reply_signature'] = 'The answer was not signed with the key that this Moodle knows. The server has a new key: look again on the page Connect, compare and take it in.';
$string['reply_unknownhere'] = 'SchoolTool does not know this Moodle yet: add it there as a peer, with exactly its address. ({$a})';
$string['reply_unreachable'] = 'Nobody answers: {$a}';
$string['roam_has'] = 'They have it: {$a}';
$string['roam_missing'] = 'They do not have it yet: {$a}';
$string['roam_none'] = 'No role was chosen: nobody goes over.';
$string['roles'] = 'Who may go over';
$string['schooltool:manage'] = 'Send everything to SchoolTool, and test the connection';
$string['schooltool:viewstatus'] = 'See how sending to SchoolTool goes';
$string['schooltool_description'] = 'People, courses, enrolments, activities and grades go to SchoolTool as they change here; SchoolTool may ask for them again.<br />Publish <em>and</em> subscribe to this service.';
$string['schooltool_name'] = 'SchoolTool';
$string['sendall'] = 'Send everything';
$string['sendall_done'] = 'Everything is sent.';
$string['sendall_leave'] = 'You may leave this page: what is not sent then goes by the scheduled task.';
$string['sendall_left'] = '{$a} still wait; the scheduled task sends them.';
$string['sendall_progress'] = '{$a->sent} sent, {$a->waiting} waiting';
$string['sendallagain'] = 'Send everything again';
$string['servers'] = 'SchoolTool servers';
$string['servers_none'] = 'There is no site to go over to.';
$string['servers_notallowed'] = 'You are not allowed to go over to other sites from here.';
$string['servers_off'] = 'Going over to other sites is switched off here.';
$string['servers_ownonly'] = 'Only users of this site itself can go over to others from here.';
$string['service_missing'] = 'Not ticked both ways: {$a}';
$string['service_ticked'] = 'Published and subscribed: {$a}';
$string['set_categories'] = 'Which course categories';
$string['set_categories_help'] = 'Only courses in these categories and those below them. None chosen: all.';
$string['set_courseidnumberfallback'] = 'Courses without ID number';
$string['set_courseidnumberfallback_help'] = 'What stands in for the ID number of a course that has none.';
$string['set_courseidnumberfallback_none'] = '# and Moodle\'s own number of the course';
$string['set_courseidnumberfallback_shortname'] = 'The short name';
$string['set_idnumberfallback'] = 'Accounts without ID number';
$string['set_idnumberfallback_email'] = 'The email address';
$string['set_idnumberfallback_help'] = 'By its ID number a person is known at all sites of a school. What stands in for it where there is none.';
$string['set_idnumberfallback_none'] = '# and Moodle\'s own number of the account';
$string['set_idnumberfallback_username'] = 'The user name';
$string['set_minimum'] = 'Items whose minimum is not 0';
$string['set_minimum_help'] = 'For a minimum of 20 and a maximum of 100: sent as points of 80, with 20 taken off each grade.';
$string['set_minimum_shift'] = 'Send, shifted to 0';
$string['set_minimum_skip'] = 'Do not send';
$string['set_scales'] = 'Items with a scale';
$string['set_scales_help'] = 'SchoolTool counts in points. The first step of a scale counts 0 points, each further one a point more.';
$string['set_scales_points'] = 'Send as points';
$string['set_scales_skip'] = 'Do not send';
$string['set_sendenrolments'] = 'Send courses and enrolments';
$string['set_sendenrolments_help'] = 'Courses, who is in them as student or teacher, since when, until when, and whether they are suspended.';
$string['set_sendgrades'] = 'Send activities and grades';
$string['set_sendgrades_help'] = 'Grade items of activities and those made by hand, and the grades in them; courses go along. Totals of courses and categories are never sent.';
$string['set_sendpasswords'] = 'Send password hashes';
$string['set_sendpasswords_help'] = 'People can then sign in at SchoolTool with the password that they have here, once they have the right. A hash is a secret: leave this off unless you need it.';
$string['set_sendusers'] = 'Send people';
$string['set_sendusers_help'] = 'New and changed accounts go to SchoolTool. They may not sign in there before somebody gives them the right.';
$string['set_userauths'] = 'Which accounts';
$string['set_userauths_help'] = 'Only accounts with one of these authentication methods. None chosen: all of this site\'s own. Guests, deleted and unconfirmed accounts and those of other sites are never sent.';
$string['shown_block'] = 'The block is there.';
$string['shown_changes_block'] = 'Adds the block Network servers to all pages, with the way over to SchoolTool.';
$string['shown_changes_menu'] = 'Adds the entry Network servers to the user menu, with the way over to SchoolTool.';
$string['shown_menu'] = 'The entry is in the user menu.';
$string['shown_not'] = 'Users see no way over.';
$string['stands'] = 'How it stands';
$string['status'] = 'Status';
$string['status_moved'] = 'Nothing is sent: this Moodle was connected as {$a->before} and is now {$a->now}. If this is no copy of the real one, press Connect there.';
$string['status_nohistory'] = 'Moodle keeps no history of grades (Grades > General settings > Disable grade history). So it goes unseen when somebody is excused from an activity, when a grade is hidden, or comes back with a new enrolment, until everything is sent again.';
$string['status_none'] = 'This Moodle is connected with no SchoolTool.';
$string['status_off'] = 'Nothing is sent to this server: it is no peer any more, or switched off. Press Connect.';
$string['step'] = 'Step';
$string['step_answer'] = 'SchoolTool answers';
$string['step_answer_changes'] = 'Nothing: calls the server, and looks whether the same services are ticked over there.';
$string['step_application'] = 'Type of site';
$string['step_application_changes'] = 'Registers SchoolTool as a type of site, beside Moodle and Mahara, with its icon (moodledata/pix).';
$string['step_auth'] = 'Authentication plugin MNet';
$string['step_auth_changes'] = 'Switches it on under Manage authentication. Undoing it signs out whoever is signed in by it.';
$string['step_blocked'] = 'Blocked hosts and ports';
$string['step_blocked_changes'] = 'Nothing: looks whether Moodle\'s cURL security (Security > HTTP security) names the server.';
$string['step_cipher'] = 'Cipher RC4';
$string['step_cipher_changes'] = 'Nothing: looks whether PHP can seal messages as the Moodle network does.';
$string['step_courses'] = 'Service for enrolling from there';
$string['step_courses_changes'] = 'Publishes and subscribes Moodle\'s remote enrolment service: SchoolTool may enrol its people in courses that have the method MNet remote enrolments. Only for the choice <em>Both ways, and its courses</em> there.';
$string['step_events'] = 'Service SchoolTool';
$string['step_events_changes'] = 'Publishes and subscribes the service by which people, courses, enrolments, activities and grades go over.';
$string['step_key'] = 'Key of this Moodle';
$string['step_key_changes'] = 'Has Moodle make its key pair; a new one if the old one names another address.';
$string['step_networking'] = 'Networking';
$string['step_networking_changes'] = 'Switches the Moodle network on (Advanced features > Networking).';
$string['step_peer'] = 'The server as a peer';
$string['step_peer_changes'] = 'Adds the server under Networking > Manage peers, with the key that you compared; what changes here is noted for it from now on.';
$string['step_profile'] = 'Profile fields';
$string['step_profile_changes'] = 'Lets ID number and picture go along when somebody signs on there. Without the ID number SchoolTool may not know who comes.';
$string['step_roam'] = 'Who may go over to SchoolTool';
$string['step_roam_changes'] = 'Gives the capability <em>Roam to a remote application via MNet</em> to these roles, for the whole site. A role that is given in courses only does not count for it.';
$string['step_shown'] = 'Network servers';
$string['step_signon'] = 'Services for signing on';
$string['step_signon_changes'] = 'Publishes and subscribes signing on as identity provider and as service provider, so that users get over both ways.';
$string['steps'] = 'The steps of the connection';
$string['tab_enrolments'] = 'Enrolments';
$string['tab_grades'] = 'Grades';
$string['tab_signon'] = 'Signing on';
$string['task_send'] = 'Send changes to SchoolTool';
$string['test'] = 'Send a test event';
$string['test_good'] = '{$a->name} answers (version {$a->version}). The connection works.';
$string['todo'] = 'Do or undo';
$string['undo'] = 'Undo';
$string['undo_after'] = 'Undo after: {$a}';
$string['undo_done'] = 'It is as it was before.';
$string['undo_sure'] = 'Put this back as it was before Connect? {$a}';
$string['undoall'] = 'Undo all of it';
$string['waiting'] = 'Waiting to be sent';
