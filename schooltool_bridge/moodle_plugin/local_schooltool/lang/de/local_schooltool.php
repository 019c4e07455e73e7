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
 * The plugin's words in German.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['address'] = 'Adresse des SchoolTool-Servers';
$string['address_help'] = 'Wie sie auf der dortigen Seite <em>Unser Schlüssel</em> steht, zum Beispiel https://sis.example.org: mit http oder https, mit oder ohne www, und mit dem Port, falls es einen gibt.';
$string['address_wrong'] = 'Das ist keine Adresse einer Website. Eine solche sieht aus wie https://sis.example.org.';
$string['another'] = 'Weiteren hinzufügen';
$string['answer_good'] = 'Er antwortet, und beide Seiten sind sich einig.';
$string['answer_later'] = 'Kommt nach dem Verbinden.';
$string['answer_missing'] = 'Er antwortet, aber dort sind für dieses Moodle diese Kästchen nicht angekreuzt: {$a}. In SchoolTool: die Seite <em>Dienste</em> des Partners.';
$string['answer_strange'] = 'Der Server antwortet etwas anderes als erwartet.';
$string['anytls'] = 'Sein https-Zertifikat lässt sich nicht prüfen (etwa weil es selbst erstellt ist): trotzdem annehmen, ich vergleiche den Fingerabdruck';
$string['application_none'] = 'SchoolTool ist nicht aufgenommen.';
$string['application_there'] = 'SchoolTool ist aufgenommen.';
$string['auth_configphp'] = 'config.php legt fest, welche Authentifizierungs-Plugins eingeschaltet sind: Ergänzen Sie dort in der Zeile mit auth mnet.';
$string['auth_first'] = 'Gehört zur Anmeldung: siehe den Schritt „Authentifizierungs-Plugin MNet“.';
$string['auth_missing'] = 'Moodle hat die Anmeldung über sein Netzwerk seit 5.0 nicht mehr. Laden Sie das zweite Plugin von SchoolTool hoch (MNet-Authentifizierung, aus <code>mnet-peer plugin --sign-on</code> oder von der Seite dieses Moodle in SchoolTool) und drücken Sie dann noch einmal auf Verbinden. Ereignisse und Bewertungen gehen ohne es.';
$string['auth_off'] = 'Es ist ausgeschaltet.';
$string['auth_on'] = 'Es ist eingeschaltet.';
$string['blocked_host'] = '{$a} ist unter den gesperrten Hosts.';
$string['blocked_meaning'] = 'Die Aufrufe des Moodle-Netzwerks gehen nicht durch diese Liste und funktionieren trotzdem. Sagt der Schritt darunter, dass niemand antwortet, so suchen Sie nach einer Firewall mit derselben Regel.';
$string['blocked_not'] = 'Der Server ist nicht gesperrt.';
$string['blocked_port'] = 'Port {$a} ist nicht unter den erlaubten Ports.';
$string['cipher_extension'] = 'PHP fehlt die Erweiterung {$a}, die das Moodle-Netzwerk braucht.';
$string['cipher_fails'] = '{$a->openssl} bietet RC4 nicht an. Schreiben Sie diese Zeilen an den Anfang von {$a->file} (anstelle der dortigen Zeile <code>openssl_conf</code> und der Abschnitte gleichen Namens) und starten Sie den Webserver oder PHP-FPM neu.';
$string['cipher_works'] = 'Funktioniert ({$a}).';
$string['cli_fingerprint'] = 'Vergleichen Sie den Fingerabdruck und geben Sie ihn als --fingerprint an. Der Server zeigt {$a}';
$string['cli_help'] = 'Verbindet dieses Moodle mit einem SchoolTool-Server, wie die Seite „Verbinden“ es tut.

  --wwwroot=URL          der Server; kann wegbleiben, wenn einer verbunden ist
  --fingerprint=SHA256   der Fingerabdruck seines Zertifikats, wie ihn seine Seite „Unser Schlüssel“ zeigt
  --yes                  nichts fragen (braucht bei einem neuen Server --fingerprint)
  --steps=A,B            nur diese Schritte und die, ohne die es nicht geht
  --without=A,B          alle Schritte außer diesen und courses, den nur --steps erledigt
  --roles=A,B            Kurznamen der Rollen, die hinübergehen dürfen (sonst: angemeldete Nutzer/innen)
  --any-tls              jedes Zertifikat seines https annehmen
  --send-everything      nach dem Verbinden alles senden und sagen, wie weit es ist
  --status               nur sagen, wie es um jeden Schritt steht
  --undo, --undo=STEP    wieder einrichten, was vorher war, bei allen Schritten oder einem
  --json                 als JSON antworten, nichts fragen
  --help                 dieser Text

Rückgabewert: 0 erledigt, 1 nicht alles, 2 falsch aufgerufen.

Beispiel: php local/schooltool/cli/connect.php --wwwroot=https://sis.example.org --status';
$string['cli_otherfingerprint'] = 'Der Server zeigt einen anderen Fingerabdruck: {$a}';
$string['cli_roles'] = 'Nicht alle davon sind Kurznamen von Rollen: {$a}';
$string['cli_same'] = 'Ist das der Fingerabdruck, den SchoolTool auf seiner Seite „Unser Schlüssel“ zeigt? (y = ja, n = nein)';
$string['cli_steps'] = 'Solche Schritte gibt es nicht: {$a}';
$string['cli_wwwroot'] = 'Sagen Sie, welcher Server: --wwwroot=https://sis.example.org';
$string['compare'] = 'Ist es der richtige Server?';
$string['compare_first'] = 'Vergleichen Sie zuerst den Fingerabdruck und kreuzen Sie dann das Kästchen an.';
$string['compare_help'] = 'Vergleichen Sie diesen Fingerabdruck mit dem, den SchoolTool auf seiner Seite <a href="{$a}" target="_blank" rel="noopener">Unser Schlüssel</a> (öffnet ein neues Fenster) zeigt oder den <code>mnet-peer key show</code> ausgibt.';
$string['compare_same'] = 'Ich habe den Fingerabdruck verglichen: Er ist derselbe';
$string['connect'] = 'Verbinden';
$string['connect_begin'] = 'Geben Sie die Adresse des SchoolTool-Servers an. Zuerst wird gezeigt, was dort gefunden wurde; eingeschaltet wird nichts, bevor Sie auf <em>Verbinden</em> drücken.';
$string['connected'] = 'Auf der Seite dieses Moodle ist die Verbindung eingerichtet. Was bei SchoolTool zu tun ist, steht unten.';
$string['courses_unknown'] = 'Moodle hat ihn seit 5.0 nicht mehr. Alles andere geht ohne ihn.';
$string['dothis'] = 'Ausführen';
$string['downuntil'] = 'Nächster Versuch um {$a}.';
$string['events_unknown'] = 'Dieses Moodle kennt den Dienst nicht. Installieren Sie dieses Plugin noch einmal.';
$string['fault_cursor'] = 'Dieser cursor stammt nicht von diesem Moodle für {$a}. Beginnen Sie von vorn.';
$string['fault_entity'] = 'entity muss eines von diesen sein: {$a}.';
$string['fault_later'] = 'In diesem Moodle ist etwas nicht in Ordnung; was, steht in seinem Protokoll. Fragen Sie später noch einmal.';
$string['fault_limit'] = 'limit muss zwischen 1 und {$a} liegen.';
$string['fault_moved'] = 'Dieses Moodle wurde als {$a} verbunden und hat jetzt eine andere Adresse. Drücken Sie dort auf Verbinden.';
$string['fault_nobody'] = 'Unter diesem Namen oder dieser Nummer gibt es hier niemanden, von dem berichtet wird: {$a}';
$string['fault_off'] = 'Laut Einstellungen dieses Moodle wird dies nicht gesendet: {$a}';
$string['fault_paused'] = 'Das Senden an diesen Server ist in diesem Moodle ausgeschaltet.';
$string['fault_whom'] = 'Weder idnumber noch username sagt, um wen es geht.';
$string['is_blocked'] = 'Hier nicht möglich';
$string['is_done'] = 'Erledigt';
$string['is_note'] = 'Zur Kenntnis';
$string['is_todo'] = 'Noch zu tun';
$string['key_ended'] = 'Der Schlüssel ist abgelaufen; ein neuer ist zu erzeugen.';
$string['key_failed'] = 'Moodle konnte kein Schlüsselpaar erzeugen. Warum, steht in seinem Protokoll; meist findet PHP openssl.cnf nicht.';
$string['key_none'] = 'Es gibt noch keinen.';
$string['key_otheraddress'] = 'Der Schlüssel lautet auf eine andere Adresse als {$a}; ein neuer ist zu erzeugen. Andere Websites des Netzwerks müssen den neuen übernehmen.';
$string['key_there'] = 'Es gibt einen, gültig bis {$a->ends}: <code>{$a->fingerprint}</code>';
$string['lasterror'] = 'Letzter Fehler';
$string['lastsuccess'] = 'Letzter Erfolg';
$string['look'] = 'Nachsehen';
$string['look_nocertificate'] = 'Die Adresse antwortet, aber nicht mit einem Zertifikat. Ist es ein SchoolTool-Server, und ist die Adresse vollständig?';
$string['look_otheraddress'] = 'Das Zertifikat gehört zu {$a}. Geben Sie genau diese Adresse an.';
$string['look_ourselves'] = 'Das ist die Adresse dieses Moodle selbst.';
$string['look_status'] = 'Die Adresse antwortet mit dem HTTP-Status {$a} statt mit ihrem Zertifikat. Ist es ein SchoolTool-Server, und ist die Adresse vollständig?';
$string['look_tls'] = 'Das https-Zertifikat dieser Adresse ließ sich nicht prüfen: {$a}. Wenn das seine Richtigkeit hat, kreuzen Sie das Kästchen unter der Adresse an.';
$string['look_unreachable'] = 'Dort antwortet niemand: {$a}';
$string['lookagain'] = 'Noch einmal nachsehen';
$string['mode'] = 'Wann gesendet wird';
$string['mode_atonce'] = 'Sofort, nachdem die Seite ausgeliefert ist; was übrig bleibt, jede Minute durch den geplanten Vorgang';
$string['mode_eachminute'] = 'Jede Minute durch den geplanten Vorgang (sofort nur unter PHP-FPM)';
$string['needed'] = 'Nötig';
$string['networking_configphp'] = 'config.php schaltet es aus: Entfernen Sie dort die Zeile mit mnet_dispatcher_mode.';
$string['networking_off'] = 'Es ist ausgeschaltet.';
$string['networking_on'] = 'Es ist eingeschaltet.';
$string['networkservers'] = 'Netzwerkserver';
$string['next'] = 'Wie es weitergeht';
$string['next_add'] = 'Drücken Sie in SchoolTool auf <a href="{$a}" target="_blank" rel="noopener">Partner hinzufügen</a> (öffnet ein neues Fenster), geben Sie die Adresse dieses Moodle an und vergleichen Sie den Fingerabdruck mit diesem. Wählen Sie die Dienste, die hier angekreuzt sind: <em>Beide Richtungen</em>, oder mit dem Dienst für Einschreibungen von dort <em>Beide Richtungen, und seine Kurse</em>. Als Befehl: <code>mnet-peer peer add</code>.';
$string['next_send'] = 'Wenn beide Seiten sich kennen: Senden Sie, was hier schon ist. Was sich danach ändert, geht von selbst hinüber.';
$string['ouraddress'] = 'Adresse dieses Moodle';
$string['ourfingerprint'] = 'Fingerabdruck dieses Moodle (SHA-256)';
$string['peer_byhand'] = 'Er ist schon ein Partner im Moodle-Netzwerk; Verbinden macht ihn zu einem, an den gesendet wird.';
$string['peer_first'] = 'Zuerst muss der Server ein Partner sein.';
$string['peer_moved'] = 'Dieses Moodle hat eine andere Adresse als beim Verbinden, deshalb wird nichts gesendet. Wenn es keine Kopie ist, macht Verbinden unter der neuen Adresse weiter.';
$string['peer_nokey'] = 'Der Server hat den Austausch der Schlüssel nicht beantwortet. Sehen Sie noch einmal nach; prüfen Sie dann, ob er von diesem Moodle aus erreichbar ist.';
$string['peer_none'] = 'Er ist noch kein Partner.';
$string['peer_notcompared'] = 'Der Schlüssel des Servers ist nicht der, dessen Fingerabdruck verglichen wurde. Sehen Sie noch einmal nach und vergleichen Sie ihn.';
$string['peer_otherkey'] = 'Er ist ein Partner, zeigt aber jetzt einen anderen Schlüssel. Vergleichen Sie den Fingerabdruck oben; Verbinden übernimmt den neuen Schlüssel.';
$string['peer_there'] = '{$a->name} ist ein Partner: <code>{$a->fingerprint}</code>';
$string['pluginname'] = 'SchoolTool';
$string['privacy:metadata:attempt'] = 'Wie viele Versuche jemand hatte, bevor ein Kurs zurückgesetzt wurde, damit ihre Nummern weitergehen.';
$string['privacy:metadata:attempt:counted'] = 'Wie viele es waren.';
$string['privacy:metadata:attempt:instance'] = 'Moodles Nummer der Aktivität.';
$string['privacy:metadata:attempt:module'] = 'Was für eine Aktivität es ist.';
$string['privacy:metadata:attempt:userid'] = 'Moodles Nummer des Nutzerkontos.';
$string['privacy:metadata:known'] = 'Wer gesperrt ist, und wer eine ID-Nummer hat, die zuerst jemand anders hatte.';
$string['privacy:metadata:known:rowid'] = 'Moodles Nummer des Nutzerkontos.';
$string['privacy:metadata:known:source'] = 'Welches von beiden es ist.';
$string['privacy:metadata:known:timetaken'] = 'Seit wann das bekannt ist.';
$string['privacy:metadata:outbox'] = 'Was sich geändert hat und noch nicht gesendet ist.';
$string['privacy:metadata:outbox:kind'] = 'Was für eine Art von Sache sich geändert hat.';
$string['privacy:metadata:outbox:objectid'] = 'Moodles Nummer dafür: bei Personen die des Nutzerkontos.';
$string['privacy:metadata:outbox:relatedid'] = 'Moodles Nummer dessen, was dazugehört, etwa des Kurses einer Einschreibung.';
$string['privacy:metadata:outbox:snapshot'] = 'Was gesendet werden muss, obwohl es hier nicht mehr da ist.';
$string['privacy:metadata:outbox:timecreated'] = 'Wann es sich geändert hat.';
$string['privacy:metadata:refused'] = 'Was SchoolTool abgelehnt hat, bis die Liste geleert wird.';
$string['privacy:metadata:refused:code'] = 'Die Nummer des Fehlers.';
$string['privacy:metadata:refused:event'] = 'Der Aufruf, der abgelehnt wurde.';
$string['privacy:metadata:refused:reason'] = 'Warum es abgelehnt wurde.';
$string['privacy:metadata:schooltool'] = 'Was an die verbundenen SchoolTool-Server geht, jeder Teil nur, wenn die Einstellungen es vorsehen.';
$string['privacy:metadata:schooltool:account'] = 'Anmeldename, Name, ID-Nummer, Moodles eigene Nummer und E-Mail-Adresse; der Hash des Kennworts nur, wenn das eingeschaltet ist.';
$string['privacy:metadata:schooltool:enrolments'] = 'Kurse, die Rolle darin, ihre Zeiten, und ob sie ausgesetzt ist.';
$string['privacy:metadata:schooltool:grades'] = 'Bewertungen von Aktivitäten mit Versuchen, und ob jemand befreit ist.';
$string['privacy:path'] = 'SchoolTool: noch nicht gesendet';
$string['profile_missing'] = 'Sie gehen noch nicht mit: {$a}';
$string['profile_there'] = 'Beide gehen mit.';
$string['refused'] = 'Von SchoolTool abgelehnt';
$string['refused_code'] = 'Fehler';
$string['refused_forget'] = 'Diese Liste leeren';
$string['refused_forgotten'] = 'Die Liste ist leer.';
$string['refused_help'] = 'Der Grund sagt, was hier zu berichtigen ist. Was danach geändert wird, geht von selbst noch einmal hinüber, oder alles mit <em>Alles noch einmal senden</em>.';
$string['refused_reason'] = 'Grund';
$string['refused_what'] = 'Was';
$string['reply_cipher'] = 'PHP kann Nachrichten nicht versiegeln: siehe den Schritt zur Verschlüsselung.';
$string['reply_clock'] = 'Die Uhren der beiden Server gehen zu verschieden: {$a}';
$string['reply_http'] = 'Der Server antwortet mit dem HTTP-Status {$a}.';
$string['reply_later'] = 'SchoolTool konnte es gerade nicht tun; es wird noch einmal gesendet. ({$a})';
$string['reply_nokey'] = 'Die Antwort war für einen Schlüssel versiegelt, den dieses Moodle nicht mehr hat. Prüfen Sie in SchoolTool den Partner dieses Moodle, damit es den jetzigen Schlüssel übernimmt.';
$string['reply_notpublished'] = 'SchoolTool veröffentlicht den Dienst nicht für dieses Moodle: Kreuzen Sie ihn dort auf der Seite Dienste des Partners an. ({$a})';
$string['reply_notsubscribed'] = 'Dieses Moodle abonniert den Dienst nicht: Drücken Sie auf Verbinden.';
$string['reply_off'] = 'Dieses Moodle oder diese Art von Ereignis ist in SchoolTool ausgeschaltet. ({$a})';
$string['reply_oldkey'] = 'Der Server hat einen neuen Schlüssel. ({$a})';
$string['reply_other'] = 'Es hat nicht geklappt: {$a}';
$string['reply_plain'] = 'SchoolTool hat unversiegelt geantwortet: {$a}';
$string['reply_refused'] = 'SchoolTool hat es abgelehnt: {$a}';
$string['reply_signature'] = 'Die Antwort war nicht mit dem Schlüssel unterschrieben, den dieses Moodle kennt. Der Server hat einen neuen: Sehen Sie auf der Seite Verbinden noch einmal nach, vergleichen Sie und übernehmen Sie ihn.';
$string['reply_unknownhere'] = 'SchoolTool kennt dieses Moodle noch nicht: Fügen Sie es dort als Partner hinzu, mit genau seiner Adresse. ({$a})';
$string['reply_unreachable'] = 'Niemand antwortet: {$a}';
$string['roam_has'] = 'Sie haben es: {$a}';
$string['roam_missing'] = 'Sie haben es noch nicht: {$a}';
$string['roam_none'] = 'Keine Rolle wurde gewählt: Niemand geht hinüber.';
$string['roles'] = 'Wer hinübergehen darf';
$string['schooltool:manage'] = 'Alles an SchoolTool senden und die Verbindung prüfen';
$string['schooltool:viewstatus'] = 'Sehen, wie das Senden an SchoolTool läuft';
$string['schooltool_description'] = 'Personen, Kurse, Einschreibungen, Aktivitäten und Bewertungen gehen an SchoolTool, sobald sie sich hier ändern; SchoolTool darf nach ihnen fragen.<br />Diesen Dienst veröffentlichen <em>und</em> abonnieren.';
$string['schooltool_name'] = 'SchoolTool';
$string['sendall'] = 'Alles senden';
$string['sendall_done'] = 'Alles ist gesendet.';
$string['sendall_leave'] = 'Sie können diese Seite verlassen: Was dann noch nicht gesendet ist, sendet der geplante Vorgang.';
$string['sendall_left'] = '{$a} warten noch; der geplante Vorgang sendet sie.';
$string['sendall_progress'] = '{$a->sent} gesendet, {$a->waiting} warten';
$string['sendallagain'] = 'Alles noch einmal senden';
$string['servers'] = 'SchoolTool-Server';
$string['servers_none'] = 'Es gibt keine Website, zu der man hinübergehen kann.';
$string['servers_notallowed'] = 'Sie dürfen von hier aus nicht zu anderen Websites hinübergehen.';
$string['servers_off'] = 'Das Hinübergehen zu anderen Websites ist hier ausgeschaltet.';
$string['servers_ownonly'] = 'Nur Nutzer/innen dieser Website selbst können von hier aus zu anderen hinübergehen.';
$string['service_missing'] = 'Nicht in beide Richtungen angekreuzt: {$a}';
$string['service_ticked'] = 'Veröffentlicht und abonniert: {$a}';
$string['set_categories'] = 'Welche Kursbereiche';
$string['set_categories_help'] = 'Nur Kurse in diesen Kursbereichen und denen darunter. Keiner ausgewählt: alle.';
$string['set_courseidnumberfallback'] = 'Kurse ohne Kurs-ID';
$string['set_courseidnumberfallback_help'] = 'Was an die Stelle der Kurs-ID tritt, wo ein Kurs keine hat.';
$string['set_courseidnumberfallback_none'] = '# und Moodles eigene Nummer des Kurses';
$string['set_courseidnumberfallback_shortname'] = 'Der kurze Kursname';
$string['set_idnumberfallback'] = 'Nutzerkonten ohne ID-Nummer';
$string['set_idnumberfallback_email'] = 'Die E-Mail-Adresse';
$string['set_idnumberfallback_help'] = 'An der ID-Nummer wird eine Person an allen Standorten einer Schule erkannt. Was an ihre Stelle tritt, wo es keine gibt.';
$string['set_idnumberfallback_none'] = '# und Moodles eigene Nummer des Kontos';
$string['set_idnumberfallback_username'] = 'Der Anmeldename';
$string['set_minimum'] = 'Aspekte, deren Minimum nicht 0 ist';
$string['set_minimum_help'] = 'Bei einem Minimum von 20 und einem Maximum von 100: gesendet als Punkte von 80, wobei von jeder Bewertung 20 abgezogen werden.';
$string['set_minimum_shift'] = 'Auf 0 verschoben senden';
$string['set_minimum_skip'] = 'Nicht senden';
$string['set_scales'] = 'Aspekte mit einer Skala';
$string['set_scales_help'] = 'SchoolTool rechnet in Punkten. Die erste Stufe einer Skala zählt 0 Punkte, jede weitere einen mehr.';
$string['set_scales_points'] = 'Als Punkte senden';
$string['set_scales_skip'] = 'Nicht senden';
$string['set_sendenrolments'] = 'Kurse und Einschreibungen senden';
$string['set_sendenrolments_help'] = 'Kurse, wer als Teilnehmer/in oder Trainer/in darin ist, seit wann, bis wann, und ob die Einschreibung ausgesetzt ist.';
$string['set_sendgrades'] = 'Aktivitäten und Bewertungen senden';
$string['set_sendgrades_help'] = 'Bewertungsaspekte von Aktivitäten und solche, die von Hand angelegt sind, samt den Bewertungen darin; Kurse gehen mit. Summen von Kursen und Kategorien werden nie gesendet.';
$string['set_sendpasswords'] = 'Kennwort-Hashes senden';
$string['set_sendpasswords_help'] = 'Personen können sich dann bei SchoolTool mit ihrem hiesigen Kennwort anmelden, sobald sie das Recht dazu haben. Ein Hash ist ein Geheimnis: Lassen Sie das aus, wenn Sie es nicht brauchen.';
$string['set_sendusers'] = 'Personen senden';
$string['set_sendusers_help'] = 'Neue und geänderte Nutzerkonten gehen an SchoolTool. Anmelden dürfen sie sich dort erst, wenn ihnen jemand das Recht gibt.';
$string['set_userauths'] = 'Welche Nutzerkonten';
$string['set_userauths_help'] = 'Nur Nutzerkonten mit einer dieser Authentifizierungsmethoden. Keine ausgewählt: alle eigenen dieser Website. Gäste, gelöschte und unbestätigte Konten und solche anderer Websites werden nie gesendet.';
$string['shown_block'] = 'Der Block ist da.';
$string['shown_changes_block'] = 'Fügt allen Seiten den Block „Netzwerkserver“ mit dem Weg zu SchoolTool hinzu.';
$string['shown_changes_menu'] = 'Fügt dem Nutzermenü den Eintrag „Netzwerkserver“ mit dem Weg zu SchoolTool hinzu.';
$string['shown_menu'] = 'Der Eintrag steht im Nutzermenü.';
$string['shown_not'] = 'Nutzer/innen sehen keinen Weg hinüber.';
$string['stands'] = 'Stand';
$string['status'] = 'Status';
$string['status_moved'] = 'Es wird nichts gesendet: Dieses Moodle wurde als {$a->before} verbunden und ist jetzt {$a->now}. Wenn es keine Kopie des eigentlichen ist, drücken Sie dort auf Verbinden.';
$string['status_nohistory'] = 'Moodle führt keinen Bewertungsverlauf (Bewertungen > Grundeinstellungen > Bewertungsverlauf deaktivieren). So bleibt, bis alles noch einmal gesendet wird, ungesehen, wenn jemand von einer Aktivität befreit, eine Bewertung verborgen oder mit einer neuen Einschreibung wiederhergestellt wird.';
$string['status_none'] = 'Dieses Moodle ist mit keinem SchoolTool verbunden.';
$string['status_off'] = 'An diesen Server wird nichts gesendet: Er ist kein Partner mehr oder ausgeschaltet. Drücken Sie auf Verbinden.';
$string['step'] = 'Schritt';
$string['step_answer'] = 'SchoolTool antwortet';
$string['step_answer_changes'] = 'Nichts: ruft den Server auf und sieht nach, ob dort dieselben Dienste angekreuzt sind.';
$string['step_application'] = 'Art der Website';
$string['step_application_changes'] = 'Nimmt SchoolTool als Art von Website auf, neben Moodle und Mahara, mit seinem Bild (moodledata/pix).';
$string['step_auth'] = 'Authentifizierungs-Plugin MNet';
$string['step_auth_changes'] = 'Schaltet es unter „Übersicht“ der Authentifizierung ein. Wird das rückgängig gemacht, sind alle abgemeldet, die darüber angemeldet sind.';
$string['step_blocked'] = 'Gesperrte Hosts und Ports';
$string['step_blocked_changes'] = 'Nichts: sieht nach, ob Moodles cURL-Sicherheit (Sicherheit > HTTP-Sicherheit) den Server nennt.';
$string['step_cipher'] = 'Verschlüsselung RC4';
$string['step_cipher_changes'] = 'Nichts: sieht nach, ob PHP Nachrichten so versiegeln kann, wie das Moodle-Netzwerk es tut.';
$string['step_courses'] = 'Dienst für Einschreibungen von dort';
$string['step_courses_changes'] = 'Veröffentlicht und abonniert Moodles Dienst für entfernte Einschreibung: SchoolTool darf seine Personen in Kurse mit der Einschreibemethode „MNet“ einschreiben. Nur für die Wahl <em>Beide Richtungen, und seine Kurse</em> dort.';
$string['step_events'] = 'Dienst SchoolTool';
$string['step_events_changes'] = 'Veröffentlicht und abonniert den Dienst, über den Personen, Kurse, Einschreibungen, Aktivitäten und Bewertungen gehen.';
$string['step_key'] = 'Schlüssel dieses Moodle';
$string['step_key_changes'] = 'Lässt Moodle sein Schlüsselpaar erzeugen; ein neues, wenn das alte auf eine andere Adresse lautet.';
$string['step_networking'] = 'Moodle-Netzwerk';
$string['step_networking_changes'] = 'Schaltet das Moodle-Netzwerk ein (Zusatzoptionen > Netzwerk).';
$string['step_peer'] = 'Der Server als Partner';
$string['step_peer_changes'] = 'Nimmt den Server unter Netzwerk > Peers verwalten auf, mit dem verglichenen Schlüssel; was sich hier ändert, wird von da an für ihn vorgemerkt.';
$string['step_profile'] = 'Profilfelder';
$string['step_profile_changes'] = 'Gibt ID-Nummer und Bild mit, wenn sich jemand dort anmeldet. Ohne die ID-Nummer weiß SchoolTool vielleicht nicht, wer kommt.';
$string['step_roam'] = 'Wer zu SchoolTool hinübergehen darf';
$string['step_roam_changes'] = 'Erteilt diesen Rollen auf der ganzen Website das Recht, über MNet zu einer anderen Anwendung zu wechseln (<em>moodle/site:mnetlogintoremote</em>). Eine Rolle, die nur in Kursen vergeben wird, zählt dafür nicht.';
$string['step_shown'] = 'Netzwerkserver';
$string['step_signon'] = 'Dienste für die Anmeldung';
$string['step_signon_changes'] = 'Veröffentlicht und abonniert die Anmeldung als Identitäts- und als Serviceanbieter, damit Nutzer/innen in beide Richtungen hinüberkommen.';
$string['steps'] = 'Die Schritte der Verbindung';
$string['tab_enrolments'] = 'Einschreibungen';
$string['tab_grades'] = 'Bewertungen';
$string['tab_signon'] = 'Anmeldung';
$string['task_send'] = 'Änderungen an SchoolTool senden';
$string['test'] = 'Testereignis senden';
$string['test_good'] = '{$a->name} antwortet (Version {$a->version}). Die Verbindung funktioniert.';
$string['todo'] = 'Tun oder rückgängig machen';
$string['undo'] = 'Rückgängig machen';
$string['undo_after'] = 'Rückgängig nach: {$a}';
$string['undo_done'] = 'Es ist wieder wie zuvor.';
$string['undo_sure'] = 'Dies wieder so einrichten, wie es vor dem Verbinden war? {$a}';
$string['undoall'] = 'Alles rückgängig machen';
$string['waiting'] = 'Wartet auf das Senden';
